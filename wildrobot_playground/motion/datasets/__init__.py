"""From clips to datasets of features, the shipped one included."""
