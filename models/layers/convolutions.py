"""Convolutions along one axis, as products of matrices.

MuseGAN's kernels reach along time, pitch or bars, one axis at a time, and most of them do not
overlap. Such a convolution is a reshape and one product, where a library's general kernels, on a
CPU and in the gradient of a gradient above all, are many times slower.
"""

import keras
from keras import layers, ops


def the_axis(kernel: tuple[int, ...]) -> int:
    """Which axis of space a kernel reaches along; the last one if it reaches along none."""
    long = [axis for axis, size in enumerate(kernel) if size > 1]
    if len(long) > 1:
        raise ValueError(f"a kernel of {kernel} reaches along {len(long)} axes")
    return long[0] if long else len(kernel) - 1


class _AlongAxis:
    """The call of a convolution whose kernel reaches along one axis, without padding."""

    def call(self, x):
        axis = the_axis(self.kernel_size)
        size, stride = self.kernel_size[axis], self.strides[axis]
        kernel = ops.reshape(self.kernel, (size, -1, self.filters))
        space = list(self.compute_output_shape(x.shape)[1:-1])
        whole = x.shape[axis + 1] % size == 0
        if size == stride and whole and all(n == 1 for n in x.shape[axis + 2 : -1]):
            # What a kernel covers lies side by side in memory.
            x = ops.reshape(x, (-1, *space, size * x.shape[-1]))
            y = ops.matmul(x, ops.reshape(kernel, (-1, self.filters)))
        else:
            n = space[axis]
            y = 0
            for k in range(size):
                rows = [slice(None)] * len(x.shape)
                rows[axis + 1] = slice(k, k + (n - 1) * stride + 1, stride)
                y = y + ops.matmul(x[tuple(rows)], kernel[k])
        return y + ops.cast(self.bias, y.dtype)


@keras.saving.register_keras_serializable("musegen")
class Conv2D(_AlongAxis, layers.Conv2D):
    """`keras.layers.Conv2D` along one axis: same weights, same results."""

    def stock(self, expand: bool) -> layers.Layer:
        return layers.Conv2D.from_config(self.get_config())


@keras.saving.register_keras_serializable("musegen")
class Conv3D(_AlongAxis, layers.Conv3D):
    """`keras.layers.Conv3D` along one axis: same weights, same results."""

    def stock(self, expand: bool) -> layers.Layer:
        return layers.Conv3D.from_config(self.get_config())


@keras.saving.register_keras_serializable("musegen")
class Conv2DTranspose(layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` along one axis, its stride as long as its kernel."""

    def call(self, x):
        axis = the_axis(self.kernel_size)
        size = self.kernel_size[axis]
        if self.strides != self.kernel_size:
            raise ValueError(f"a kernel of {self.kernel_size} with a stride of {self.strides}")
        kernel = ops.reshape(self.kernel, (size, self.filters, -1))
        kernel = ops.reshape(ops.transpose(kernel, (2, 0, 1)), (-1, size * self.filters))
        y = ops.matmul(x, kernel)  # (B, time, pitch, size * filters)
        if axis == 0 and x.shape[2] > 1:  # the pitches of a step stay together
            y = ops.reshape(y, (-1, *x.shape[1:-1], size, self.filters))
            y = ops.transpose(y, (0, 1, 3, 2, 4))
        y = ops.reshape(y, (-1, *self.compute_output_shape(x.shape)[1:]))
        return y + ops.cast(self.bias, y.dtype)

    def stock(self, expand: bool) -> layers.Layer:
        return layers.Conv2DTranspose.from_config(self.get_config())
