"""Packages whose names differ between conda and the Python package index."""

# conda -> the index
ON_INDEX = {
    "brotli-python": "brotli",
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
    "python-tzdata": "tzdata",
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

# Names in exports that are not Python packages: the parts of Python itself and what it runs on,
_OF_PYTHON = """
_libgcc_mutex _openmp_mutex bzip2 ca-certificates cpython expat gdbm libedit libexpat libffi libgcc libgcc-ng libgomp
liblzma liblzma-devel libmpdec libnsl libsqlite libstdcxx libstdcxx-ng libuuid libxcrypt libzlib ncurses openssl
python_abi readline sqlite tk tzdata xz xz-gpl-tools xz-tools zlib libcxx libcxxabi llvm-openmp libwinpthread
msys2-conda-epoch ucrt vc vc14_runtime vcomp14 vs2015_runtime
"""
# and libraries that wheels contain.
_OF_WHEELS = """
_py-xgboost-mutex alsa-lib arrow-cpp attr aws-checksums aws-crt-cpp aws-sdk-cpp blas boost-cpp brotli-bin c-ares cairo
cpuonly dbus fftw fontconfig freetype fribidi geos gettext gflags giflib glib glib-tools glog gmp graphite2 grpc-cpp
gst-plugins-base gstreamer harfbuzz hdf5 icu intel-openmp jpeg keyutils krb5 lame lcms2 lerc libabseil libaec
libasprintf libblas libboost libbrotlicommon libbrotlidec libbrotlienc libcap libcblas libclang-cpp libcrc32c libcups
libcurl libdeflate libdrm libegl libev libevent libflac libgcrypt libgdal libgettextpo libgfortran libgfortran-ng
libgfortran5 libgl libglib libglvnd libglx libgoogle-cloud libgpg-error libgrpc libhwloc libiconv libjpeg-turbo
liblapack liblapacke libllvm libllvm14 libllvm15 libnghttp2 libntlm libogg libopenblas libopencv libopus libparquet
libpciaccess libpng libpq libprotobuf libre2-11 libsndfile libsodium libspatialindex libssh2 libsystemd0
libtensorflow_cc libtensorflow_framework libthrift libtiff libtorch libunistring libutf8proc libuv libvorbis libwebp
libwebp-base libxcb libxgboost libxkbcommon libxml2 libxslt lz4-c mkl mpc mpfr mpg123 nspr nss openblas openblas-devel
openh264 openjpeg orc parquet-cpp pcre pcre2 pixman pthread-stubs pulseaudio-client pytorch-mutex qt qt-main qt6-main
re2 s2n sleef snappy tbb ucx util-linux yaml zstd
"""
_BROUGHT = frozenset((*_OF_PYTHON.split(), *_OF_WHEELS.split()))
_BROUGHT_FAMILIES = ("aws-c-", "font-ttf-", "fonts-conda-", "ld_impl_", "libarrow", "m2w64-", "xcb-util", "xorg-")

# Programs, and libraries of graphics cards; some of these names mean something else on the index.
_PROGRAMS = """
c-compiler compilers cuda cudatoolkit cudnn curl cxx-compiler ffmpeg fortran-compiler gcc gcc_linux-64 gdal-data git
gperftools graphviz gxx gxx_linux-64 java-jdk libcublas libcudnn libcufft libcurand libcusolver libcusparse magma-cuda
make mesa mpi mpich nasm nccl nodejs openjdk openmpi pandoc perl pkg-config poppler proj pytorch-cuda rust
sysroot_linux-64 tesseract unixodbc unzip wget zip
"""
_NOT_ON_INDEX = frozenset(_PROGRAMS.split())


def is_brought(name: str) -> bool:
    """Whether it is not a Python package and need not be asked for, because the packages that need it contain it."""
    return name.lower() in _BROUGHT or name.lower().startswith(_BROUGHT_FAMILIES)


def on_index(name: str) -> str | None:
    """The package's name on the index, or None if it is not a Python package."""
    name = name.lower()
    if name in _NOT_ON_INDEX or name.startswith(("r-", "cuda-")):
        return None
    return ON_INDEX.get(name, name)
