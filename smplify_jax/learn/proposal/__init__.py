"""Training of the proposal network on endless synthetic people."""
