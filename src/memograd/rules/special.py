"""scipy.special: brought in when one of its functions first meets a node."""

import numpy as np
from scipy import special

from ..registry import elementwise

elementwise(special.expit,  a=lambda g, y: g * y * (1 - y))
elementwise(special.erf,    a=lambda g, a: g * (2 / np.sqrt(np.pi)) * np.exp(-a * a))
