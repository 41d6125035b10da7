# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Regression and time series
#
# **Before this:** [losses and readouts](05_losses_and_readouts), [spikes and
# codes](02_spikes_and_codes).
#
# **Question.** Spikes are all or none. Can a spiking network put out a smooth number,
# at every step, and foresee what a signal will do next?
#
# **Answer.** Yes: leaky integrators that never fire smooth the spikes of the layer
# below, and the loss is the squared error of their voltages. A hundred neurons foresee
# the Mackey-Glass series 30 ms ahead, on a stretch they never saw, with less than a
# hundredth of the error of one who says that all stays as it is, and a twentieth of
# that of a straight line fitted to what the network is shown.

# %%
import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import plot
from snnjax.inputs import population
from snnjax.networks import normal
from snnjax.training import init_train_state, make_step

dt = 1e-3

# %% [markdown]
# ## A series
#
# Mackey and Glass (1977) described how the number of blood cells goes up and down when
# the body reacts late:
#
#     dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x
#
# It never repeats. One unit of its time is 1 ms here, and it goes round about every
# 50 ms.

# %%


def mackey_glass(steps, inner=10, lag=17, start=1.2):
    past = [start] * (lag * inner)
    x, told = start, []
    for k in range((steps + 500) * inner):
        late = past[k]
        x += (0.2 * late / (1.0 + late**10) - 0.1 * x) / inner
        past.append(x)
        if k % inner == 0:
            told.append(x)
    return np.array(told[500:])  # what the start has left is gone


ahead = 30
series = mackey_glass(6000 + ahead)
series = (series - series.mean()) / series.std()
print(f"from {series.min():.2f} to {series.max():.2f}, in standard deviations")

# %% [markdown]
# ## In: a population. Out: a voltage
#
# Twenty inputs with tuning curves along the range of the series are currents to the
# hidden layer, which makes spikes of them. Its neurons have time constants of 5 to 40
# ms, one each, so that between them they know of the near and the far past. The readout
# is one `li`. The target at every step is the series 30 ms later. 4000 steps are cut
# into 16 sequences that run side by side as a batch; 2000 later steps are the test, in
# one piece.

# %%
tuned = population(jnp.asarray(series[:-ahead, None]), n=20, low=-3.0, high=3.0)
wanted = jnp.asarray(series[ahead:, None])


def pieces(x, count):
    """``[T, n]`` to ``[T / count, count, n]``."""
    return x.reshape(count, -1, x.shape[-1]).swapaxes(0, 1)


xs, targets = pieces(tuned[:4000], 16), pieces(wanted[:4000], 16)
test_xs, test_targets = tuned[4000:, None], wanted[4000:, None]
print(f"inputs {xs.shape}, targets {targets.shape}")

fast_and_slow = snn.LIFParams(tau_mem=jnp.linspace(5e-3, 40e-3, 100))
net = snn.chain(
    hidden=snn.recurrent(20, 100, snn.lif(100, fast_and_slow)),
    readout=snn.dense(100, 1, bias=True, init=normal),
    out=snn.li(1, snn.LIParams(tau_mem=5e-3, tau_syn=2e-3)),
    outputs=("hidden", "out"),
)

# %% [markdown]
# At rest the network knows nothing of the past, so the first 50 ms of a sequence do not
# count: a mask leaves them out of the loss.

# %%
mask = jnp.broadcast_to(jnp.arange(len(xs))[:, None] >= 50, xs.shape[:2]).astype(float)


def loss(weights):
    _, ys = snn.unroll(net, weights, xs, dt=dt)
    return snn.mse(ys["out"], targets, mask)


updates = 400
optimizer = optax.adam(optax.cosine_decay_schedule(1e-2, updates))
step = make_step(loss, optimizer)


@jax.jit
def train(weights):
    state = init_train_state(weights, optimizer)
    state, metrics = jax.lax.scan(lambda s, _: step(s), state, length=updates)
    return state.weights, metrics["loss"]


weights, curve = train(net.init(jax.random.key(0)))

# %% [markdown]
# ## How good is it?
#
# A number alone says little. Three others do the same: one says that the series stays
# as it is; one fits a straight line to the twenty inputs, which is all one can know
# from the present; and one always says the mean, 1 by definition.

# %%
_, ys = jax.jit(lambda w: snn.unroll(net, w, test_xs, dt=dt))(weights)
guess, truth = np.asarray(ys["out"][:, 0, 0]), np.asarray(test_targets[:, 0, 0])
features = np.c_[np.asarray(tuned), np.ones(len(tuned))]
line = np.linalg.lstsq(features[:4000], np.asarray(wanted[:4000, 0]), rcond=None)[0]
others = {
    "network": guess,
    "line": features[4000:] @ line,
    "stays": series[4000:-ahead],
}
errors = {name: np.mean((told - truth)[50:] ** 2) for name, told in others.items()}
rate = float(snn.firing_rate(ys["hidden"], dt=dt).mean())
for name, error in errors.items():
    print(f"{name:<8} mean squared error {error:.3f}")
print(f"hidden neurons fire at {rate:.0f} Hz")
assert errors["network"] < 0.01 * errors["stays"]
assert errors["network"] < 0.05 * errors["line"]

series_figure, axes = plot.figure(2, 1, (10.0, 5.4))
shown = slice(300, 800)
axes[0, 0].plot(truth[shown], color="0.7", lw=4, label="what came")
axes[0, 0].plot(guess[shown], color="#d55e00", label="foreseen 30 ms before")
axes[0, 0].set(title="a stretch that was never seen", xlim=(0, 500))
axes[0, 0].legend(frameon=False, ncols=2)
plot.raster(axes[1, 0], ys["hidden"][shown, 0], dt=dt, title="hidden spikes")
plot.show(series_figure, "11_series")

learned_figure, axes = plot.figure(1, 2, (10.0, 3.4))
axes[0, 0].semilogy(curve)
axes[0, 0].set(xlabel="update", ylabel="loss")
axes[0, 1].bar(list(errors), list(errors.values()))
axes[0, 1].set(title="mean squared error, test")
plot.show(learned_figure, "11_errors")
