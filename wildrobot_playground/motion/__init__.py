"""The offline reference pipeline: numpy and MuJoCo, no JAX."""
