"""Reading and writing files safely; knows nothing about bodies."""
