"""What a batch chosen from a larger one costs, in time and memory."""
