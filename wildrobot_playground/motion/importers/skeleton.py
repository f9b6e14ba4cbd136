"""Which joint of a recording is which, by tree and shape.

Makers name joints as they like. What all people share is told instead: the two
longest chains that are alike are the legs, the other two the arms, and what
lies between their roots is the trunk. Within a limb the joints that bend are
where distances change; a bone that is only turned about itself changes none, so
twist bones are passed over. Toes say where ahead is, and that tells left from
right. Names decide where shape does not, and `--map` decides over both.
"""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from wildrobot_playground.motion import human
from wildrobot_playground.system import echo

# The joints of a limb from the trunk on; of the legs also the ball of the foot.
LEG = ("hip", "knee", "ankle")
ARM = ("arm", "elbow", "wrist")
TRUNK = ("pelvis", "chest", "neck")
ROLES = (
  *TRUNK,
  *(f"{s}_{r}" for s in human.SIDES for r in (*LEG, "ball", *ARM)),
)
_ALIKE = 0.12  # the most that two limbs' bones differ, of the limb's length
_SHORT = 0.04  # of a leg: nearer joints are one
_BENT = 0.004  # of a distance: it varies more where something bends between
_RIGID = 2e-4  # and less where nothing does, if the file's bones are rigid
_SEGMENTS = 0.45  # the least ratio of the two segments of a limb
_RATIO = 0.3  # how far apart their lengths are, as logarithms
_ARMS = 0.3  # of a leg: what an arm has at least
_STUBS = 0.2  # of a leg: how far apart shoulders are that are all of an arm
_APART = 0.12  # of a limb: how far apart the two begin, at least
_STRAIGHT = 0.08  # of a segment: how far joints in it are beside it
_CLEAR = 0.3  # of the hips' distance: how far apart sides must be told

# What names call a side, as whole words; in some of their languages.
_WORDS = {
  "left": "left l lft lf links gauche g izquierda izquierdo izq sinistra"
  " sinistro sx esquerda esquerdo hidari lewa lewy vanster venstre",
  "right": "right r rgt rt rechts droite droit d derecha derecho der destra"
  " destro dx direita direito migi prawa prawy hoger hoyre",
}
_SIGNS = {"left": "左", "right": "右"}


@dataclasses.dataclass(frozen=True)
class Skeleton:
  """The joints of a recording by role.

  Attributes:
    joints: index by role of `ROLES`; arms and balls may be missing, and `neck`
      is the chest's where there is none above it.
    doubts: what was not clear, a line each.
  """

  joints: dict[str, int]
  doubts: tuple[str, ...]


_Chain = tuple[int, ...]
_Three = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class _Limb:
  """One of two limbs that are alike.

  Attributes:
    root: joint of the trunk that it leaves from.
    chain: joints from there to its end, the trunk's left out.
    joints: the three that bend, from the trunk on.
    length: of its two segments together.
  """

  root: int
  chain: _Chain
  joints: _Three
  length: float


def described(names: Mapping[str, str]) -> str:
  """The joints that were found, in one line.

  Args:
    names: of the file's joints by role.
  """
  said = [
    f"{role} {names[role] or 'an end'}" for role in TRUNK if role in names
  ]
  for side in human.SIDES:
    for limb, roles in (("leg", (*LEG, "ball")), ("arm", ARM)):
      found = [names.get(f"{side}_{role}") for role in roles]
      if any(name is not None for name in found):
        ways = " > ".join(
          name or "an end" for name in found if name is not None
        )
        said.append(f"{side} {limb} {ways}")
  return ", ".join(said)


def find(
  names: Sequence[str],
  parents: Sequence[int],
  places: np.ndarray,
  where: str,
  told: Mapping[str, str] | None = None,
) -> Skeleton:
  """The skeleton of a recording of a person.

  Args:
    names: of the J joints, parents before their children; those without a name
      are ends of bones.
    parents: (J,) index of each joint's parent, -1 for a root.
    places: (T, J, 3) in any unit, any axis up.
    where: the file, for messages.
    told: names of joints by role of `ROLES`, which are taken for it.

  Raises:
    MotionError: when it has no two legs, or what is told is no role or name.
  """
  chosen = _told(told or {}, names, where)
  body = _Body(names, parents, places)
  legs = _legs(body, chosen)
  if legs is None:
    needed = ",".join(f"{s}_{r}=NAME" for s in human.SIDES for r in LEG)
    raise human.MotionError(
      f"{where}: no two legs were found, which are chains of joints that are"
      f" alike and bend twice; say which joints they are with --map={needed};"
      f" its joints are {_listed(names)}"
    )
  arms = _arms(body, legs)
  doubts: list[str] = []
  joints = _trunk(body, legs, arms)
  left_first, doubt = _left_first(body, joints, legs)
  doubts += doubt
  ordered = legs if left_first else (legs[1], legs[0])
  for side, limb in zip(human.SIDES, ordered, strict=True):
    joints |= _roles(side, LEG, limb)
    ball = _ball(body, limb)
    if ball is not None:
      joints[f"{side}_ball"] = ball
  if arms is not None:
    same = _same_side(body, ordered, arms)
    for side, limb in zip(
      human.SIDES, arms if same else arms[::-1], strict=True
    ):
      joints |= _roles(side, ARM, limb)
  return Skeleton(joints | chosen, tuple(doubts))


def _told(
  told: Mapping[str, str], names: Sequence[str], where: str
) -> dict[str, int]:
  """The joints that were told by name."""
  chosen = {}
  for role, name in told.items():
    if role not in ROLES:
      raise human.MotionError(
        f"--map {echo.short(role)}: is no joint of a person; those are"
        f" {', '.join(ROLES)}"
      )
    if name not in names:
      raise human.MotionError(
        f"{where}: has no joint '{echo.short(name)}' for {role}; its joints are"
        f" {_listed(names)}"
      )
    chosen[role] = list(names).index(name)
  return chosen


def _listed(names: Sequence[str]) -> str:
  return echo.short(", ".join(name for name in names if name), 400)


class _Body:
  """A tree of joints with distances between them."""

  def __init__(
    self, names: Sequence[str], parents: Sequence[int], places: np.ndarray
  ):
    self.names, self.parents, self.places = names, parents, places
    self.children: list[list[int]] = [[] for _ in names]
    for joint, parent in enumerate(parents):
      if parent >= 0:
        self.children[parent].append(joint)
    self.bones = np.array(
      [
        0.0 if parent < 0 else self.distance(parent, joint)
        for joint, parent in enumerate(parents)
      ]
    )
    usual = [self.bends(p, j) for j, p in enumerate(parents) if p >= 0]
    self.rigid = max(_RIGID, 2 * float(np.median(usual or [0.0])))
    # The joints below each, on the longest way to an end; and how long it is.
    self.reach = np.zeros(len(names))
    self.next = [-1] * len(names)
    for joint in reversed(range(len(names))):
      for child in self.children[joint]:
        length = self.bones[child] + self.reach[child]
        if self.next[joint] < 0 or length > self.reach[joint]:
          self.reach[joint], self.next[joint] = length, child

  def distance(self, a: int, b: int) -> float:
    """Median distance of two joints."""
    return float(np.median(self._distances(a, b)))

  def bends(self, a: int, b: int) -> float:
    """How much the distance of two joints varies, of itself."""
    found = self._distances(a, b)
    return float(
      np.ptp(np.percentile(found, [2, 98])) / max(np.mean(found), 1e-9)
    )

  def _distances(self, a: int, b: int) -> np.ndarray:
    return np.linalg.norm(self.places[:, a] - self.places[:, b], axis=1)

  def aside(self, joints: Sequence[int]) -> float:
    """How far joints are beside the line of first and last, in its length."""
    ends = self.places[:, joints[-1]] - self.places[:, joints[0]]
    length = np.maximum(np.linalg.norm(ends, axis=1), 1e-9)
    found = [
      np.median(
        np.linalg.norm(
          np.cross(self.places[:, joint] - self.places[:, joints[0]], ends),
          axis=1,
        )
        / length**2
      )
      for joint in joints[1:-1]
    ]
    return float(max(found, default=0.0))

  def chain(self, joint: int) -> tuple[int, ...]:
    """A joint and those below it, on the longest way to an end."""
    found = [joint]
    while self.next[found[-1]] >= 0:
      found.append(self.next[found[-1]])
    return tuple(found)

  def above(self, joint: int) -> list[int]:
    """A joint and those above it, up to the root."""
    found = [joint]
    while self.parents[found[-1]] >= 0:
      found.append(self.parents[found[-1]])
    return found


def _legs(body: _Body, chosen: Mapping[str, int]) -> tuple[_Limb, _Limb] | None:
  """The legs: as told, or the longest pair of limbs that are alike."""
  roles = [[f"{side}_{role}" for role in LEG] for side in human.SIDES]
  if all(role in chosen for side in roles for role in side):
    both = [[chosen[role] for role in side] for side in roles]
    ways = [body.above(joints[0]) for joints in both]
    root = next((j for j in ways[0][1:] if j in ways[1]), ways[0][-1])
    left, right = (
      _Limb(root, (a, b, *body.chain(c)), (a, b, c), 1.0) for a, b, c in both
    )
    return left, right
  return max(_pairs(body), key=lambda pair: pair[0].length, default=None)


def _arms(body: _Body, legs: tuple[_Limb, _Limb]) -> tuple[_Limb, _Limb] | None:
  """The longest pair of limbs that is no part of a leg.

  Where no limb bends twice, two that are alike and beside each other still are
  shoulders; their three joints are one.
  """
  taken = {joint for leg in legs for joint in leg.chain}

  def is_free(root: int, *chains: _Chain) -> bool:
    return not taken & {*body.above(root), *(j for c in chains for j in c)}

  length = legs[0].length
  bent = [
    pair
    for pair in _pairs(body)
    if is_free(pair[0].root, pair[0].chain, pair[1].chain)
    and pair[0].length > _ARMS * length
  ]
  if bent:
    return max(bent, key=lambda pair: pair[0].length)
  stiff = []
  for root, a, b in _alike(body):
    if is_free(root, a, b) and body.distance(a[0], b[0]) > _STUBS * length:
      one, other = (_Limb(root, c, (c[0], c[0], c[0]), 0.0) for c in (a, b))
      stiff.append((one, other))
  return max(
    stiff,
    key=lambda p: body.distance(p[0].chain[0], p[1].chain[0]),
    default=None,
  )


def _alike(body: _Body) -> Iterator[tuple[int, _Chain, _Chain]]:
  """Two chains that leave from one joint and are alike, with that joint."""
  for root, children in enumerate(body.children):
    for pair in itertools.combinations(children, 2):
      a, b = map(body.chain, pair)
      if _difference(body, a, b) < _ALIKE:
        yield root, a, b


def _pairs(body: _Body) -> list[tuple[_Limb, _Limb]]:
  """Those of them that bend twice."""
  found = []
  for root, a, b in _alike(body):
    joints = _bending(body, (a, b))
    if joints is not None:
      first, second = (
        _Limb(root, chain, three, _length(body, three))
        for chain, three in zip((a, b), joints, strict=True)
      )
      found.append((first, second))
  return found


def _difference(body: _Body, a: Sequence[int], b: Sequence[int]) -> float:
  """How much the bones of two chains differ, of their length.

  Where one has more joints than the other, by where its joints are on the way.
  """
  ways = [np.cumsum(body.bones[list(chain)]) for chain in (a, b)]
  longest = max(ways[0][-1], ways[1][-1], 1e-9)
  if min(ways[0][-1], ways[1][-1]) < 0.5 * longest:
    return np.inf
  apart = [
    np.max(np.min(np.abs(way[:, None] - other), axis=1))
    for way, other in (ways, ways[::-1])
  ]
  return float(min(apart) / longest)


def _bending(
  body: _Body, chains: tuple[_Chain, _Chain]
) -> tuple[_Three, _Three] | None:
  """The three joints that part each of two limbs into its two long segments.

  The same of both where they have as many joints: what one does not bend, the
  other may.
  """
  if len(chains[0]) == len(chains[1]):
    both = _best(body, chains)
  else:
    both = [three for chain in chains for three in _best(body, [chain])]
  return (both[0], both[1]) if len(both) == 2 else None


def _best(body: _Body, chains: Sequence[_Chain]) -> list[_Three]:
  """The best three joints of each of the chains, which have one length."""
  best, best_score = [], 0.0
  for i, j, k in itertools.combinations(range(len(chains[0])), 3):
    found = [(chain[i], chain[j], chain[k]) for chain in chains]
    score = sum(_score(body, chain, (i, j, k)) for chain in chains)
    if score > best_score:
      score *= _beside(body, found)
    if score > best_score:
      best, best_score = found, score
  return best


def _beside(body: _Body, limbs: Sequence[_Three]) -> float:
  """1 where two limbs begin beside each other, as those of collars do not."""
  if len(limbs) < 2:
    return 1.0
  apart = body.distance(limbs[0][0], limbs[1][0])
  return float(np.clip(apart / (_APART * _length(body, limbs[0])), 0.2, 1.0))


def _score(body: _Body, chain: _Chain, order: _Three) -> float:
  """How much three joints of a chain look like the ends of two segments.

  Both are long, about as long as each other, straight, and rigid; and where
  they meet something bends.
  """
  a, b, c = (chain[i] for i in order)
  upper, lower = body.distance(a, b), body.distance(b, c)
  if not min(upper, lower) > _SEGMENTS * max(upper, lower):
    return 0.0
  score = (upper + lower) * np.exp(-((np.log(upper / lower) / _RATIO) ** 2) / 2)
  for start, end in itertools.pairwise(order):
    if body.bends(chain[start], chain[end]) > body.rigid:
      score *= 0.2
    aside = body.aside(chain[start : end + 1])
    score *= np.exp(-((aside / _STRAIGHT) ** 2) / 2)
  if not body.names[c]:  # The end of a bone, where nothing can bend.
    score *= 0.5
  return float(score if body.bends(a, c) > _BENT else 0.6 * score)


def _length(body: _Body, joints: Sequence[int]) -> float:
  a, b, c = joints
  return body.distance(a, b) + body.distance(b, c)


def _roles(side: str, roles: Sequence[str], limb: _Limb) -> dict[str, int]:
  if len(set(limb.joints)) == 1:
    roles = roles[:1]
  return {
    f"{side}_{role}": joint
    for role, joint in zip(roles, limb.joints, strict=False)
  }


def _ball(body: _Body, leg: _Limb) -> int | None:
  """The toes' joint: the first below the ankle that is not in its place."""
  below = leg.chain[leg.chain.index(leg.joints[2]) + 1 :]
  ankle = leg.joints[2]
  far = [j for j in below if body.distance(ankle, j) > 2 * _SHORT * leg.length]
  return far[0] if far else None


def _trunk(
  body: _Body,
  legs: tuple[_Limb, _Limb],
  arms: tuple[_Limb, _Limb] | None,
) -> dict[str, int]:
  """Pelvis, chest and neck."""
  pelvis = legs[0].root
  taken = {joint for limb in (*legs, *(arms or ())) for joint in limb.chain}
  least = _SHORT * legs[0].length
  if arms is not None and arms[0].root != pelvis:
    chest = arms[0].root
  else:  # The middle of the longest way up.
    ups = [c for c in body.children[pelvis] if c not in taken]
    spine = max((body.chain(c) for c in ups), key=len, default=(pelvis,))
    chest = spine[len(spine) // 2]
  up = [c for c in body.children[chest] if c not in taken]
  head = max(up, key=lambda c: body.bones[c] + body.reach[c], default=None)
  necks = [] if head is None else body.chain(head)
  far = [joint for joint in necks if body.distance(chest, joint) > least]
  neck = far[0] if far else chest
  if neck == pelvis:
    neck = legs[0].root
  return {"pelvis": pelvis, "chest": chest, "neck": neck}


def _left_first(
  body: _Body, trunk: Mapping[str, int], legs: tuple[_Limb, _Limb]
) -> tuple[bool, list[str]]:
  """Whether the first leg is the left one, and what is doubtful about it."""
  named = _named_sides(body, legs)
  shaped = _shaped_sides(body, trunk, legs)
  if shaped is None:
    if named is None:
      return True, [
        "left and right cannot be told: there are no toes, the knees do not"
        " bend, and no name says so; --map says which is which"
      ]
    return named, []
  if named is None or named == shaped:
    return shaped, []
  return shaped, [
    "its names call the left leg the right one, by where toes and knees point;"
    " taken by its shape (a mirrored recording?)"
  ]


def _named_sides(body: _Body, legs: tuple[_Limb, _Limb]) -> bool | None:
  """Whether names call the first leg the left one; None where they do not."""
  said = [
    {side for joint in leg.joints for side in sides_of(body.names[joint])}
    for leg in legs
  ]
  if said == [{"left"}, {"right"}]:
    return True
  if said == [{"right"}, {"left"}]:
    return False
  return None


def sides_of(name: str) -> set[str]:
  """The sides that a joint's name speaks of."""
  parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
  words = set(re.findall(r"[^\W\d_]+", parted.lower()))
  found = {side for side, known in _WORDS.items() if words & set(known.split())}
  found |= {side for side, sign in _SIGNS.items() if sign in name}
  if not found:  # Without capitals, as in `leftupleg`.
    low = name.lower()
    found = {side for side in human.SIDES if side in low}
  return found


def _shaped_sides(
  body: _Body, trunk: Mapping[str, int], legs: tuple[_Limb, _Limb]
) -> bool | None:
  """Whether the first leg is on the left of where toes and knees point."""
  places = body.places
  hips, ankles = ([places[:, leg.joints[i]] for leg in legs] for i in (0, 2))
  up = np.mean([h - a for h, a in zip(hips, ankles, strict=True)], axis=(0, 1))
  up /= max(np.linalg.norm(up), 1e-9)
  aside = hips[0] - hips[1]
  balls = [_ball(body, leg) for leg in legs]
  if None not in balls:
    ahead = sum(
      places[:, ball] - ankle for ball, ankle in zip(balls, ankles, strict=True)
    )
  else:
    ahead = sum(
      places[:, leg.joints[1]] - (hip + ankle) / 2
      for leg, hip, ankle in zip(legs, hips, ankles, strict=True)
    )
  ahead = ahead - np.outer(ahead @ up, up)
  length = np.linalg.norm(ahead, axis=1)
  if np.median(length) < _SHORT * legs[0].length:
    return None
  left = np.cross(up, ahead / np.maximum(length, 1e-9)[:, None])
  share = np.median(
    np.sum(left * aside, axis=1)
    / np.maximum(np.linalg.norm(aside, axis=1), 1e-9)
  )
  return None if abs(share) < _CLEAR else bool(share > 0)


def _same_side(
  body: _Body, legs: tuple[_Limb, _Limb], arms: tuple[_Limb, _Limb]
) -> bool:
  """Whether the first arm is on the side of the first leg."""
  hips = body.places[:, legs[0].joints[0]] - body.places[:, legs[1].joints[0]]
  shoulders = sum(
    body.places[:, a] - body.places[:, b]
    for a, b in zip(arms[0].joints[:2], arms[1].joints[:2], strict=True)
  )
  return bool(np.mean(np.sum(hips * shoulders, axis=1)) > 0)
