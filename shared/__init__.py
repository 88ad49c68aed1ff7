"""What the programs must agree on: tokens, settings, errors, queue, storage."""
