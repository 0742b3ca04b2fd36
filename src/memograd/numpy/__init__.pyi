"""Types of :mod:`memograd.numpy`, where a function of a node gives a node.

NumPy's own stubs do not say so. `tests/unit/test_typing.py` compares names and results with those
of the module.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, overload

from numpy import (
    apply_along_axis as apply_along_axis,
    apply_over_axes as apply_over_axes,
    arange as arange,
    array2string as array2string,
    array_repr as array_repr,
    array_str as array_str,
    asmatrix as asmatrix,
    bartlett as bartlett,
    base_repr as base_repr,
    binary_repr as binary_repr,
    blackman as blackman,
    bmat as bmat,
    bool as bool,
    bool_ as bool_,
    broadcast as broadcast,
    broadcast_shapes as broadcast_shapes,
    busday_count as busday_count,
    busday_offset as busday_offset,
    busdaycalendar as busdaycalendar,
    byte as byte,
    bytes_ as bytes_,
    cdouble as cdouble,
    char as char,
    character as character,
    clongdouble as clongdouble,
    complex128 as complex128,
    complex256 as complex256,
    complex64 as complex64,
    complexfloating as complexfloating,
    copyto as copyto,
    core as core,
    csingle as csingle,
    ctypeslib as ctypeslib,
    datetime64 as datetime64,
    datetime_as_string as datetime_as_string,
    datetime_data as datetime_data,
    double as double,
    dtype as dtype,
    dtypes as dtypes,
    e as e,
    emath as emath,
    empty as empty,
    empty_like as empty_like,
    errstate as errstate,
    euler_gamma as euler_gamma,
    exceptions as exceptions,
    eye as eye,
    f2py as f2py,
    False_ as False_,
    fill_diagonal as fill_diagonal,
    finfo as finfo,
    flatiter as flatiter,
    flexible as flexible,
    float128 as float128,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    floating as floating,
    format_float_positional as format_float_positional,
    format_float_scientific as format_float_scientific,
    from_dlpack as from_dlpack,
    frombuffer as frombuffer,
    fromfile as fromfile,
    fromfunction as fromfunction,
    fromiter as fromiter,
    frompyfunc as frompyfunc,
    fromregex as fromregex,
    fromstring as fromstring,
    generic as generic,
    genfromtxt as genfromtxt,
    get_include as get_include,
    get_printoptions as get_printoptions,
    getbufsize as getbufsize,
    geterr as geterr,
    geterrcall as geterrcall,
    half as half,
    hamming as hamming,
    hanning as hanning,
    histogram as histogram,
    histogram2d as histogram2d,
    histogram_bin_edges as histogram_bin_edges,
    histogramdd as histogramdd,
    identity as identity,
    iinfo as iinfo,
    index_exp as index_exp,
    inexact as inexact,
    inf as inf,
    info as info,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int8 as int8,
    int_ as int_,
    intc as intc,
    integer as integer,
    intersect1d as intersect1d,
    intp as intp,
    is_busday as is_busday,
    isdtype as isdtype,
    isfortran as isfortran,
    isnat as isnat,
    issubdtype as issubdtype,
    kaiser as kaiser,
    lib as lib,
    little_endian as little_endian,
    load as load,
    loadtxt as loadtxt,
    long as long,
    longdouble as longdouble,
    longlong as longlong,
    ma as ma,
    matrix as matrix,
    may_share_memory as may_share_memory,
    memmap as memmap,
    mgrid as mgrid,
    min_scalar_type as min_scalar_type,
    mintypecode as mintypecode,
    nan as nan,
    ndarray as ndarray,
    ndenumerate as ndenumerate,
    ndindex as ndindex,
    nditer as nditer,
    nested_iters as nested_iters,
    newaxis as newaxis,
    number as number,
    object_ as object_,
    ogrid as ogrid,
    ones as ones,
    packbits as packbits,
    pi as pi,
    place as place,
    poly as poly,
    poly1d as poly1d,
    polydiv as polydiv,
    polyfit as polyfit,
    polynomial as polynomial,
    printoptions as printoptions,
    promote_types as promote_types,
    put as put,
    put_along_axis as put_along_axis,
    putmask as putmask,
    random as random,
    rec as rec,
    recarray as recarray,
    record as record,
    require as require,
    roots as roots,
    row_stack as row_stack,
    s_ as s_,
    save as save,
    savetxt as savetxt,
    savez as savez,
    savez_compressed as savez_compressed,
    ScalarType as ScalarType,
    sctypeDict as sctypeDict,
    set_printoptions as set_printoptions,
    setbufsize as setbufsize,
    setdiff1d as setdiff1d,
    seterr as seterr,
    seterrcall as seterrcall,
    setxor1d as setxor1d,
    shares_memory as shares_memory,
    short as short,
    show_config as show_config,
    show_runtime as show_runtime,
    signedinteger as signedinteger,
    single as single,
    str_ as str_,
    strings as strings,
    test as test,
    testing as testing,
    timedelta64 as timedelta64,
    tri as tri,
    True_ as True_,
    typecodes as typecodes,
    typename as typename,
    typing as typing,
    ubyte as ubyte,
    ufunc as ufunc,
    uint as uint,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
    uint8 as uint8,
    uintc as uintc,
    uintp as uintp,
    ulong as ulong,
    ulonglong as ulonglong,
    union1d as union1d,
    unique as unique,
    unique_all as unique_all,
    unique_counts as unique_counts,
    unique_inverse as unique_inverse,
    unique_values as unique_values,
    unpackbits as unpackbits,
    unsignedinteger as unsignedinteger,
    ushort as ushort,
    vectorize as vectorize,
    void as void,
    zeros as zeros,
)
from numpy.typing import ArrayLike, NDArray

from ..tape.node import Node
from . import fft as fft
from . import linalg as linalg

_Plain = ArrayLike | type[Any] | dtype[Any] | slice | Callable[..., Any] | None
"""Arguments among which there is no node."""

class _NodeFunction(Protocol):
    """Function that gives a node where it is given one, alone or in a list."""

    @overload
    def __call__(self, a: Node | Sequence[Node], /, *args: Any, **kwargs: Any) -> Node: ...
    @overload
    def __call__(self, a: Any, b: Node | Sequence[Node], /, *args: Any, **kwargs: Any) -> Node: ...
    @overload
    def __call__(
        self, a: Any, b: Any, c: Node | Sequence[Node], /, *args: Any, **kwargs: Any
    ) -> Node: ...
    @overload
    def __call__(self, a: ArrayLike, /, *args: _Plain, **kwargs: _Plain) -> NDArray[Any]: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class _NodeUfunc(_NodeFunction, Protocol):
    """The same with the attributes of a ufunc."""

    at: Callable[..., Any]
    accumulate: Callable[..., Any]
    outer: Callable[..., Any]
    reduce: Callable[..., Any]
    reduceat: Callable[..., Any]
    identity: Any
    nargs: int
    nin: int
    nout: int
    signature: str | None

class _Converter(Protocol):
    """`np.array` and its kin: lists of numbers have a dtype, by which an operator knows a node."""

    @overload
    def __call__(self, a: Node, /, *args: Any, **kwargs: Any) -> Node: ...
    @overload
    def __call__(self, a: Sequence[int] | Sequence[Sequence[int]], /) -> NDArray[int_]: ...
    @overload
    def __call__(self, a: Sequence[float] | Sequence[Sequence[float]], /) -> NDArray[float64]: ...
    @overload
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class _Where(Protocol):
    """`np.where`, which gives indices where it is given a condition alone."""

    @overload
    def __call__(self, condition: Any, /) -> tuple[Any, ...]: ...
    @overload
    def __call__(self, condition: Node, x: Any, y: Any, /) -> Node: ...
    @overload
    def __call__(self, condition: Any, x: Node, y: Any, /) -> Node: ...
    @overload
    def __call__(self, condition: Any, x: Any, y: Node, /) -> Node: ...
    @overload
    def __call__(self, condition: ArrayLike, x: ArrayLike, y: ArrayLike, /) -> NDArray[Any]: ...
    @overload
    def __call__(self, condition: Any, x: Any, y: Any, /) -> Any: ...

OWN: list[str]
__all__: list[str]

class _Joined(Protocol):
    """`np.r_` or `np.c_`."""

    def __getitem__(self, key: Any) -> Any: ...

abs: _NodeUfunc
absolute: _NodeUfunc
acos: _NodeUfunc
acosh: _NodeUfunc
add: _NodeUfunc
all: _NodeFunction
allclose: Callable[..., Any]
amax: _NodeFunction
amin: _NodeFunction
angle: _NodeFunction
any: _NodeFunction
append: _NodeFunction
arccos: _NodeUfunc
arccosh: _NodeUfunc
arcsin: _NodeUfunc
arcsinh: _NodeUfunc
arctan: _NodeUfunc
arctan2: _NodeUfunc
arctanh: _NodeUfunc
argmax: _NodeFunction
argmin: _NodeFunction
argpartition: _NodeFunction
argsort: _NodeFunction
argwhere: _NodeFunction
around: _NodeFunction
array: _Converter
array_equal: Callable[..., Any]
array_equiv: Callable[..., Any]
array_split: Callable[..., Any]
asanyarray: _Converter
asarray: _Converter
asarray_chkfinite: _Converter
ascontiguousarray: _Converter
asfortranarray: _Converter
asin: _NodeUfunc
asinh: _NodeUfunc
astype: _NodeFunction
atan: _NodeUfunc
atan2: _NodeUfunc
atanh: _NodeUfunc
atleast_1d: Callable[..., Any]
atleast_2d: Callable[..., Any]
atleast_3d: Callable[..., Any]
average: Callable[..., Any]
bincount: _NodeFunction
bitwise_and: _NodeUfunc
bitwise_count: _NodeUfunc
bitwise_invert: _NodeUfunc
bitwise_left_shift: _NodeUfunc
bitwise_not: _NodeUfunc
bitwise_or: _NodeUfunc
bitwise_right_shift: _NodeUfunc
bitwise_xor: _NodeUfunc
block: _NodeFunction
broadcast_arrays: Callable[..., Any]
broadcast_to: _NodeFunction
c_: _Joined
can_cast: Callable[..., Any]
cbrt: _NodeUfunc
ceil: _NodeUfunc
choose: _NodeFunction
clip: _NodeFunction
column_stack: _NodeFunction
common_type: Callable[..., Any]
compress: _NodeFunction
concat: _NodeFunction
concatenate: _NodeFunction
conj: _NodeUfunc
conjugate: _NodeUfunc
convolve: _NodeFunction
copy: _NodeFunction
copysign: _NodeUfunc
corrcoef: _NodeFunction
correlate: _NodeFunction
cos: _NodeUfunc
cosh: _NodeUfunc
count_nonzero: _NodeFunction
cov: _NodeFunction
cross: _NodeFunction
cumprod: _NodeFunction
cumsum: _NodeFunction
cumulative_prod: _NodeFunction
cumulative_sum: _NodeFunction
deg2rad: _NodeUfunc
degrees: _NodeUfunc
delete: _NodeFunction
diag: _NodeFunction
diag_indices: Callable[..., Any]
diag_indices_from: Callable[..., Any]
diagflat: _NodeFunction
diagonal: _NodeFunction
diff: _NodeFunction
digitize: _NodeFunction
divide: _NodeUfunc
divmod: Callable[..., Any]
dot: _NodeFunction
dsplit: Callable[..., Any]
dstack: _NodeFunction
ediff1d: _NodeFunction
einsum: _NodeFunction
einsum_path: Callable[..., Any]
equal: _NodeUfunc
exp: _NodeUfunc
exp2: _NodeUfunc
expand_dims: _NodeFunction
expm1: _NodeUfunc
extract: _NodeFunction
fabs: _NodeUfunc
fix: _NodeFunction
flatnonzero: _NodeFunction
flip: _NodeFunction
fliplr: _NodeFunction
flipud: _NodeFunction
float_power: _NodeUfunc
floor: _NodeUfunc
floor_divide: _NodeUfunc
fmax: _NodeUfunc
fmin: _NodeUfunc
fmod: _NodeUfunc
frexp: Callable[..., Any]
full: _NodeFunction
full_like: _NodeFunction
gcd: _NodeUfunc
geomspace: _NodeFunction
gradient: Callable[..., Any]
greater: _NodeUfunc
greater_equal: _NodeUfunc
heaviside: _NodeUfunc
hsplit: Callable[..., Any]
hstack: _NodeFunction
hypot: _NodeUfunc
i0: _NodeFunction
imag: _NodeFunction
indices: Callable[..., Any]
inner: _NodeFunction
insert: _NodeFunction
interp: _NodeFunction
invert: _NodeUfunc
isclose: _NodeFunction
iscomplex: _NodeFunction
iscomplexobj: Callable[..., Any]
isfinite: _NodeUfunc
isin: _NodeFunction
isinf: _NodeUfunc
isnan: _NodeUfunc
isneginf: _NodeFunction
isposinf: _NodeFunction
isreal: _NodeFunction
isrealobj: Callable[..., Any]
isscalar: Callable[..., Any]
iterable: Callable[..., Any]
ix_: Callable[..., Any]
kron: _NodeFunction
lcm: _NodeUfunc
ldexp: _NodeUfunc
left_shift: _NodeUfunc
less: _NodeUfunc
less_equal: _NodeUfunc
lexsort: _NodeFunction
linspace: Callable[..., Any]
log: _NodeUfunc
log10: _NodeUfunc
log1p: _NodeUfunc
log2: _NodeUfunc
logaddexp: _NodeUfunc
logaddexp2: _NodeUfunc
logical_and: _NodeUfunc
logical_not: _NodeUfunc
logical_or: _NodeUfunc
logical_xor: _NodeUfunc
logspace: _NodeFunction
mask_indices: Callable[..., Any]
matmul: _NodeUfunc
matrix_transpose: _NodeFunction
matvec: _NodeUfunc
max: _NodeFunction
maximum: _NodeUfunc
mean: _NodeFunction
median: _NodeFunction
meshgrid: Callable[..., Any]
min: _NodeFunction
minimum: _NodeUfunc
mod: _NodeUfunc
modf: Callable[..., Any]
moveaxis: _NodeFunction
multiply: _NodeUfunc
nan_to_num: _NodeFunction
nanargmax: _NodeFunction
nanargmin: _NodeFunction
nancumprod: _NodeFunction
nancumsum: _NodeFunction
nanmax: _NodeFunction
nanmean: _NodeFunction
nanmedian: _NodeFunction
nanmin: _NodeFunction
nanpercentile: _NodeFunction
nanprod: _NodeFunction
nanquantile: _NodeFunction
nanstd: _NodeFunction
nansum: _NodeFunction
nanvar: _NodeFunction
ndim: Callable[..., Any]
negative: _NodeUfunc
nextafter: _NodeUfunc
nonzero: Callable[..., Any]
not_equal: _NodeUfunc
ones_like: _NodeFunction
outer: _NodeFunction
pad: _NodeFunction
partition: _NodeFunction
percentile: _NodeFunction
permute_dims: _NodeFunction
piecewise: Callable[..., Any]
polyadd: _NodeFunction
polyder: _NodeFunction
polyint: _NodeFunction
polymul: _NodeFunction
polysub: _NodeFunction
polyval: _NodeFunction
positive: _NodeUfunc
pow: _NodeUfunc
power: _NodeUfunc
prod: _NodeFunction
ptp: _NodeFunction
quantile: _NodeFunction
r_: _Joined
rad2deg: _NodeUfunc
radians: _NodeUfunc
ravel: _NodeFunction
ravel_multi_index: _NodeFunction
real: _NodeFunction
real_if_close: _NodeFunction
reciprocal: _NodeUfunc
remainder: _NodeUfunc
repeat: _NodeFunction
reshape: _NodeFunction
resize: _NodeFunction
result_type: Callable[..., Any]
right_shift: _NodeUfunc
rint: _NodeUfunc
roll: _NodeFunction
rollaxis: _NodeFunction
rot90: _NodeFunction
round: _NodeFunction
searchsorted: _NodeFunction
select: _NodeFunction
shape: Callable[..., Any]
sign: _NodeUfunc
signbit: _NodeUfunc
sin: _NodeUfunc
sinc: _NodeFunction
sinh: _NodeUfunc
size: Callable[..., Any]
sort: _NodeFunction
sort_complex: _NodeFunction
spacing: _NodeUfunc
split: Callable[..., Any]
sqrt: _NodeUfunc
square: _NodeUfunc
squeeze: _NodeFunction
stack: _NodeFunction
std: _NodeFunction
subtract: _NodeUfunc
sum: _NodeFunction
swapaxes: _NodeFunction
take: _NodeFunction
take_along_axis: _NodeFunction
tan: _NodeUfunc
tanh: _NodeUfunc
tensordot: _NodeFunction
tile: _NodeFunction
trace: _NodeFunction
transpose: _NodeFunction
trapezoid: _NodeFunction
tril: _NodeFunction
tril_indices: Callable[..., Any]
tril_indices_from: Callable[..., Any]
trim_zeros: _NodeFunction
triu: _NodeFunction
triu_indices: Callable[..., Any]
triu_indices_from: Callable[..., Any]
true_divide: _NodeUfunc
trunc: _NodeUfunc
unravel_index: Callable[..., Any]
unstack: Callable[..., Any]
unwrap: _NodeFunction
vander: _NodeFunction
var: _NodeFunction
vdot: _NodeFunction
vecdot: _NodeUfunc
vecmat: _NodeUfunc
vsplit: Callable[..., Any]
vstack: _NodeFunction
where: _Where
zeros_like: _NodeFunction
