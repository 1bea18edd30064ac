"""Train the temporal network on synthetic videos."""
