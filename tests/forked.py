"""Command lines in processes that are forked when all is imported.

Importing jax and Brax takes longer than to refuse a flag. A program of its own,
`python -m tests.forked`, imports them once. Its forks become command lines: of
every line of its input, what to run, there is one of its output.
"""

import json
import os
import pathlib
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence

_ROOT = pathlib.Path(__file__).parent.parent


class Commands:
  """Runs command lines of ours; a context."""

  def __enter__(self):
    self._server = subprocess.Popen(
      [sys.executable, "-m", "tests.forked"],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
      cwd=_ROOT,
      env={**os.environ, "MUJOCO_GL": "disable"},
    )
    return self

  def __exit__(self, *_):
    self._server.communicate()

  def run(
    self, module: str, *arguments: str, cwd: pathlib.Path = _ROOT
  ) -> subprocess.CompletedProcess[str]:
    """As `python -m wildrobot_playground.MODULE ARGUMENTS` in a folder."""
    return self._ask(f"wildrobot_playground.{module}", "", arguments, cwd)

  def run_code(
    self, code: str, *arguments: str
  ) -> subprocess.CompletedProcess[str]:
    """As `python -c CODE ARGUMENTS` in the checkout."""
    return self._ask("-c", code, arguments, _ROOT)

  def _ask(
    self, module: str, code: str, arguments: Sequence[str], cwd: pathlib.Path
  ) -> subprocess.CompletedProcess[str]:
    server = self._server
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps([module, code, arguments, str(cwd)]) + "\n")
    server.stdin.flush()
    returned, out, err = json.loads(server.stdout.readline())
    return subprocess.CompletedProcess([module, *arguments], returned, out, err)


def _become(module: str, code: str, arguments: Sequence[str], cwd: str) -> int:
  """Is the command line to its end; the exit code."""
  os.chdir(cwd)
  sys.argv = [module, *arguments]
  try:
    if code:
      exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    else:
      runpy.run_module(module, run_name="__main__", alter_sys=True)
  except SystemExit as end:
    return end.code if isinstance(end.code, int) else 0
  except BaseException:
    traceback.print_exc()
    return 1
  return 0


def _run(*command) -> list:
  """Exit code, standard output and standard error of a fork."""
  with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
    pid = os.fork()
    if pid == 0:
      os.dup2(out.fileno(), 1)
      os.dup2(err.fileno(), 2)
      code = _become(*command)
      sys.stdout.flush()
      sys.stderr.flush()
      os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    texts = []
    for file in (out, err):
      file.seek(0)
      texts.append(file.read())
  return [code, *texts]


def _serve() -> None:
  from wildrobot_playground.runs import exporting, training

  assert exporting and training  # For what they import.
  for line in sys.stdin:
    print(json.dumps(_run(*json.loads(line))), flush=True)


if __name__ == "__main__":
  _serve()
