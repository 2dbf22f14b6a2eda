"""Where conda's names are not those of the Python package index."""

# conda -> the index
ON_INDEX = {
    "dask-core": "dask",
    "faiss": "faiss-cpu",
    "keras-gpu": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "numpy-base": "numpy",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyarrow-core": "pyarrow",
    "pyqt": "PyQt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-xxhash": "xxhash",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "ruamel_yaml": "ruamel.yaml",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "xgboost-gpu": "xgboost",
}

# Programs and libraries of other languages; some of these names mean something else on the index.
_PROGRAMS = """
_libgcc_mutex _openmp_mutex _py-xgboost-mutex blas boost-cpp bzip2 c-compiler ca-certificates cairo compilers
cuda cudatoolkit cudnn curl cxx-compiler expat ffmpeg fftw fontconfig fortran-compiler freetype gcc gcc_linux-64
gdal-data geos git glib gmp gperftools graphviz gxx gxx_linux-64 harfbuzz hdf5 icu intel-openmp java-jdk jpeg krb5 lame
lcms2 ld_impl_linux-64 lerc lz4-c magma-cuda make mesa mkl mpc mpfr mpi mpich nasm nccl ncurses nodejs openblas
openblas-devel openh264 openjdk openjpeg openmpi openssl pandoc perl pixman pkg-config poppler proj pytorch-cuda
pytorch-mutex qt qt-main readline rust snappy sqlite sysroot_linux-64 tesseract tk unixodbc unzip util-linux vc
vs2015_runtime wget xz yaml zip zlib zstd
"""
_LIBRARIES = """
libblas libboost libcblas libclang-cpp libcublas libcudnn libcufft libcurand libcurl libcusolver libcusparse libedit
libev libevent libffi libgcc libgcc-ng libgdal libgfortran libgfortran-ng libgfortran5 libglib libgomp libiconv
libjpeg-turbo liblapack liblapacke libllvm libllvm14 libllvm15 libnghttp2 libnsl libopenblas libopencv libpng libpq
libprotobuf libsodium libspatialindex libsqlite libssh2 libstdcxx libstdcxx-ng libtiff libuuid libuv libwebp
libwebp-base libxcb libxgboost libxml2 libxslt libzlib
"""
_NOT_ON_INDEX = frozenset(_PROGRAMS.split() + _LIBRARIES.split())


def on_index(name: str) -> str | None:
    """The package's name on the index; None for what is no Python package."""
    name = name.lower()
    if name in _NOT_ON_INDEX or name.startswith(("r-", "cuda-", "xorg-")):
        return None
    return ON_INDEX.get(name, name)
