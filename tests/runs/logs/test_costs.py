import time

from wildrobot_playground.runs.logs import costs


def test_shares_add_up_by_purpose(monkeypatch):
  now = [100.0]
  monkeypatch.setattr(time, "monotonic", lambda: now[0])
  spent = costs.Costs()
  for purpose, seconds in (("a", 1.0), ("b", 2.0), ("a", 3.0)):
    with spent.of(purpose):
      now[0] += seconds
  now[0] += 94.0
  assert str(spent) == "100 s; of them a 4.00 %, b 2.00 %"


def test_what_fails_is_counted_as_well(monkeypatch):
  now = [0.0]
  monkeypatch.setattr(time, "monotonic", lambda: now[0])
  spent = costs.Costs()
  try:
    with spent.of("a"):
      now[0] += 5.0
      raise OSError
  except OSError:
    now[0] += 5.0
  assert "a 50.00 %" in str(spent)


def test_nothing_but_training_is_the_time_alone(monkeypatch):
  monkeypatch.setattr(time, "monotonic", lambda: 1.0)
  assert str(costs.Costs()) == "0 s"
