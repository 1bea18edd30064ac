"""One reader for each format of datasets: it yields a row for each person, and a row for each record that it rejects."""
