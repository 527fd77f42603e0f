"""Convolutions along one axis, computed as matrix products.

Every kernel of MuseGAN extends along one axis only: time, pitch or bars. Most of them do not
overlap, as their stride is their size. Such a convolution is a reshape and one matrix product. The
general convolutions of the backends are many times slower, above all on a CPU and in the gradient
of a gradient.
"""

import keras
from keras import layers, ops


def kernel_axis(kernel: tuple[int, ...]) -> int:
    """Returns the axis along which a kernel extends; the last one for a kernel of size 1."""
    axes = [axis for axis, size in enumerate(kernel) if size > 1]
    if len(axes) > 1:
        raise ValueError(f"a kernel of {kernel} extends along {len(axes)} axes, not one")
    return axes[0] if axes else len(kernel) - 1


class _AlongAxis:
    """The `call` of a convolution without padding whose kernel extends along one axis."""

    def call(self, x):
        axis = kernel_axis(self.kernel_size)
        size, stride = self.kernel_size[axis], self.strides[axis]
        kernel = ops.reshape(self.kernel, (size, -1, self.filters))
        space = list(self.compute_output_shape(x.shape)[1:-1])
        divides = x.shape[axis + 1] % size == 0
        if size == stride and divides and all(n == 1 for n in x.shape[axis + 2 : -1]):
            # The numbers that a kernel covers lie side by side in memory.
            x = ops.reshape(x, (-1, *space, size * x.shape[-1]))
            y = ops.matmul(x, ops.reshape(kernel, (-1, self.filters)))
        else:
            n = space[axis]
            y = 0
            for k in range(size):
                part = [slice(None)] * len(x.shape)
                part[axis + 1] = slice(k, k + (n - 1) * stride + 1, stride)
                y = y + ops.matmul(x[tuple(part)], kernel[k])
        return y + ops.cast(self.bias, y.dtype)


@keras.saving.register_keras_serializable("musegen")
class Conv2D(_AlongAxis, layers.Conv2D):
    """`keras.layers.Conv2D` along one axis, with the same weights and results."""

    def stock(self, expand: bool) -> layers.Layer:
        return layers.Conv2D.from_config(self.get_config())


@keras.saving.register_keras_serializable("musegen")
class Conv3D(_AlongAxis, layers.Conv3D):
    """`keras.layers.Conv3D` along one axis, with the same weights and results."""

    def stock(self, expand: bool) -> layers.Layer:
        return layers.Conv3D.from_config(self.get_config())


@keras.saving.register_keras_serializable("musegen")
class Conv2DTranspose(layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` along one axis, whose stride is the size of its kernel."""

    def call(self, x):
        axis = kernel_axis(self.kernel_size)
        size = self.kernel_size[axis]
        if self.strides != self.kernel_size:
            raise ValueError(
                f"the stride {self.strides} is not the size of the kernel, {self.kernel_size}"
            )
        kernel = ops.reshape(self.kernel, (size, self.filters, -1))
        kernel = ops.reshape(ops.transpose(kernel, (2, 0, 1)), (-1, size * self.filters))
        y = ops.matmul(x, kernel)  # (B, time, pitch, size * filters)
        if axis == 0 and x.shape[2] > 1:  # the new steps come before the pitches
            y = ops.reshape(y, (-1, *x.shape[1:-1], size, self.filters))
            y = ops.transpose(y, (0, 1, 3, 2, 4))
        y = ops.reshape(y, (-1, *self.compute_output_shape(x.shape)[1:]))
        return y + ops.cast(self.bias, y.dtype)

    def stock(self, expand: bool) -> layers.Layer:
        return layers.Conv2DTranspose.from_config(self.get_config())
