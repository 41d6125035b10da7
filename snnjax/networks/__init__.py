"""How neurons are wired, and where their weights start."""

from snnjax.networks.connect import DenseWeights, dense, from_events
from snnjax.networks.convolutions import (
    ConvolutionWeights,
    convolution,
    flatten,
    pool,
)
from snnjax.networks.dale import (
    Exponential,
    LogNormal,
    balance,
    balanced,
    dale_signs,
    project_signs,
    signed_weights,
)
from snnjax.networks.delay_kernels import DelayedWeights, delayed
from snnjax.networks.delays import (
    DelayState,
    LearnedDelayWeights,
    RingState,
    delay,
    learned_delay,
    ring,
)
from snnjax.networks.factors import LowRankWeights, low_rank
from snnjax.networks.fluctuations import (
    Membrane,
    PoissonDrive,
    poisson_drive,
    predict_membrane,
    superpose,
    weight_moments,
)
from snnjax.networks.graph_run import GraphState
from snnjax.networks.graphs import graph, residual
from snnjax.networks.initialize import fluctuation_driven, normal, spiking
from snnjax.networks.mean_field import siegert_rate, sparse_network_rate
from snnjax.networks.normalize import (
    BatchNormWeights,
    DropoutState,
    LayerNormWeights,
    Statistics,
    batch_norm,
    channel_statistics,
    dropout,
    layer_norm,
)
from snnjax.networks.plasticity import ShortTermParams, ShortTermState, short_term
from snnjax.networks.rates import ScaledWeights, scale_to_rates
from snnjax.networks.recurrent_layer import (
    ClosedState,
    ClosedWeights,
    RecurrentState,
    RecurrentWeights,
    recurrent,
)
from snnjax.networks.sparse_connect import SparseWeights, fan_in, fan_out, sparse

__all__ = [
    "BatchNormWeights",
    "ClosedState",
    "ClosedWeights",
    "ConvolutionWeights",
    "DelayState",
    "DelayedWeights",
    "DenseWeights",
    "DropoutState",
    "Exponential",
    "GraphState",
    "LayerNormWeights",
    "LearnedDelayWeights",
    "LogNormal",
    "LowRankWeights",
    "Membrane",
    "PoissonDrive",
    "RecurrentState",
    "RecurrentWeights",
    "RingState",
    "ScaledWeights",
    "ShortTermParams",
    "ShortTermState",
    "SparseWeights",
    "Statistics",
    "balance",
    "balanced",
    "batch_norm",
    "channel_statistics",
    "convolution",
    "dale_signs",
    "delay",
    "delayed",
    "dense",
    "dropout",
    "fan_in",
    "fan_out",
    "flatten",
    "fluctuation_driven",
    "from_events",
    "graph",
    "layer_norm",
    "learned_delay",
    "low_rank",
    "normal",
    "poisson_drive",
    "pool",
    "predict_membrane",
    "project_signs",
    "recurrent",
    "residual",
    "ring",
    "scale_to_rates",
    "short_term",
    "siegert_rate",
    "signed_weights",
    "sparse",
    "sparse_network_rate",
    "spiking",
    "superpose",
    "weight_moments",
]
