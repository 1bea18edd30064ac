"""What a tailor, a doctor or a sports scientist measures of a body, from its shape alone."""
