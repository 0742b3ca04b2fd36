"""Functions of NumPy that are not recorded, with the reasons.

They have no rule and are not constant. They change their arguments, have side effects, give types,
settings or other objects instead of arrays of numbers, or have a derivative that has no use. Some
do not dispatch, so that they are never called with a node; the coverage table lists their reasons.
"""

import numpy as np

from .registration import refuse_ops

# in place
refuse_ops(
    "it changes an array in place, and a node's value never changes in place. Use "
    "x.at[i].set(v), or np.where.",
    np.copyto,
    np.fill_diagonal,
    np.put,
    np.put_along_axis,
    np.putmask,
    np.place,
)
refuse_ops(
    "it changes an array in place, and a node's value never changes in place. Use "
    "x.at[i].set(v), np.full_like for a constant.",
    np.ndarray.fill,
    np.ndarray.put,
    np.ndarray.setfield,
)
refuse_ops(
    "it walks over an array in place, and a node's value never changes in place. Use x.ravel().",
    np.ndarray.flat,
)
refuse_ops(
    "it sorts an array in place, and a node's value never changes in place. Use np.sort(x).",
    np.ndarray.sort,
)
refuse_ops(
    "it sorts an array in place, and a node's value never changes in place. Use "
    "np.partition(x, kth).",
    np.ndarray.partition,
)
refuse_ops(
    "it changes an array's shape in place, and a node's shape is part of the program. "
    "Use np.resize(x, shape).",
    np.ndarray.resize,
)

# files, buffers, text, settings
refuse_ops(
    "it writes to a file. Use node.value for the numbers.",
    np.save,
    np.savetxt,
    np.savez,
    np.savez_compressed,
    np.ndarray.tofile,
    np.ndarray.dump,
)
refuse_ops(
    "it reads numbers from outside, which are constants or leaves. Use tape.leaf on what it gives.",
    np.load,
    np.loadtxt,
    np.genfromtxt,
    np.fromfile,
    np.fromregex,
    np.fromstring,
    np.frombuffer,
    np.fromiter,
    np.from_dlpack,
)
refuse_ops(
    "it gives text. Use repr(node), or node.value for the numbers.",
    np.array2string,
    np.array_repr,
    np.array_str,
    np.base_repr,
    np.binary_repr,
    np.format_float_positional,
    np.format_float_scientific,
    np.datetime_as_string,
)
refuse_ops(
    "it gives bytes, or the numbers as Python's. Use node.value for the numbers.",
    np.ndarray.tobytes,
    np.ndarray.dumps,
    # removed in NumPy 2.3
    np.ndarray.tolist,
    np.ndarray.item,
    *(f for name, f in vars(np.ndarray).items() if name == "tostring"),
)
refuse_ops(
    "it is a setting or a service of NumPy's, not a function of arrays. Call it with "
    "what NumPy expects.",
    np.get_printoptions,
    np.printoptions,
    np.set_printoptions,
    np.seterr,
    np.geterr,
    np.seterrcall,
    np.geterrcall,
    np.setbufsize,
    np.getbufsize,
    np.get_include,
    np.info,
    np.show_config,
    np.show_runtime,
    np.test,
    np.linalg.test,  # type: ignore[attr-defined]
    np.fft.test,  # type: ignore[attr-defined]
)

# types, memory and shapes
refuse_ops(
    "it answers a question about types, not about numbers. Use node.dtype.",
    np.min_scalar_type,
    np.mintypecode,
    np.promote_types,
    np.isdtype,
    np.issubdtype,
    np.typename,
    np.datetime_data,
)
refuse_ops(
    "it is about memory, which a node's value need not have. Use node.value for the array.",
    np.shares_memory,
    np.may_share_memory,
    np.isfortran,
    np.nested_iters,
    np.require,
    np.ndarray.setflags,
    np.ndarray.to_device,
    np.ndarray.base,
    np.ndarray.ctypes,
    np.ndarray.data,
    np.ndarray.device,
    np.ndarray.flags,
    np.ndarray.itemsize,
    np.ndarray.nbytes,
    np.ndarray.strides,
)
refuse_ops(
    "it reads an array's bytes as something else, which has no derivative. Use "
    "x.astype(dtype), or np.real and np.imag.",
    np.ndarray.view,
    np.ndarray.getfield,
    np.ndarray.byteswap,
)
refuse_ops("it takes shapes, not numbers. Use it on node.shape.", np.broadcast_shapes)
refuse_ops(
    "it gives a matrix of the legacy kind. Use arrays, and np.block to put blocks together.",
    np.asmatrix,
    np.bmat,
)

refuse_ops(
    "it gives an array that holds nothing yet, and is made to be filled in place. Use "
    "np.zeros_like.",
    np.empty,
    np.empty_like,
)
# newer versions lack them
for name, instead in {"row_stack": "vstack", "in1d": "isin", "trapz": "trapezoid"}.items():
    refuse_ops(
        f"it is a deprecated name. Use np.{instead}.",
        *(f for each, f in vars(np).items() if each == name),
    )

# results of a varying shape
refuse_ops(
    "its shape depends on values, and where values meet there is no derivative. Use "
    "np.sort, or node.value for the set itself.",
    np.intersect1d,
    np.setdiff1d,
    np.setxor1d,
    np.union1d,
    np.unique,
    np.unique_all,
    np.unique_counts,
    np.unique_inverse,
    np.unique_values,
)
refuse_ops(
    "its counts are steps, whose derivative is zero or nothing. Use it on node.value; "
    "or np.bincount with weights=, which has one.",
    np.histogram,
    np.histogram2d,
    np.histogram_bin_edges,
    np.histogramdd,
)

# calls of a function
refuse_ops(
    "it calls a Python function on slices and puts the results into an array in place. "
    "Use the function's own axis=, or np.stack "
    "over the slices.",
    np.apply_along_axis,
    np.apply_over_axes,
)
refuse_ops(
    "it gives Python objects, which have no derivative. Use memograd.op on a function of arrays.",
    np.frompyfunc,
)
refuse_ops(
    "it calls a function on index arrays, which are constants. Use the function on "
    "np.indices(shape).",
    np.fromfunction,
)

# polynomials, windows, dates, bits
refuse_ops(
    "it trims coefficients by their values. Use np.linalg.lstsq on the matrix of the products.",
    np.polydiv,
)
refuse_ops(
    "it is an eigenvalue problem in disguise, which trims zeros by their values. Use "
    "np.linalg.eigvals on the companion matrix.",
    np.roots,
    np.poly,
)
refuse_ops(
    "it is a least squares problem in disguise. Use np.linalg.lstsq(np.vander(x, n), y).",
    np.polyfit,
)
refuse_ops(
    "its parameter is a plain number, and its result a constant. Use np.i0 to "
    "differentiate by beta.",
    np.kaiser,
)
refuse_ops(
    "dates have no derivative. Use numbers of days.",
    np.busday_count,
    np.busday_offset,
    np.is_busday,
    np.isnat,
)
refuse_ops("bits have no derivative. Use it on node.value.", np.packbits, np.unpackbits)
