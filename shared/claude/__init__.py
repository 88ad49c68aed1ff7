"""What Claude's models take and cost: known to whoever asks them, and to whoever foretells it."""
