"""Train the proposal network on an unlimited supply of synthetic people."""
