"""The HTTP service: requests in, answers out."""
