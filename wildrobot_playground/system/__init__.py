"""What has nothing to do with robots: files, messages, processes, machines."""
