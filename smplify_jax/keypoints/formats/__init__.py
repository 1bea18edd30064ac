"""The keypoint formats that the library reads, each in a file of its own."""
