"""Errors whose message is the one line that a command line shows."""


class UsageError(ValueError):
  """Input that cannot be used; its message is the one line shown."""


class RunFailedError(RuntimeError):
  """Work that was begun and cannot be finished; its message is shown."""
