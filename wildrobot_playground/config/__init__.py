"""Which keys a configuration has, and what each of them may be."""
