/// What checkpoints ordinarily name: classes and functions that make plain data, and the classes of
/// training leftovers, which hold settings and counters.
enum KnownSafe {
  /// Whether a path of module and name is listed.
  static func contains(_ path: String) -> Bool { paths.contains(path) }

  private static let paths: Set<String> = {
    var paths: Set<String> = []
    func add(_ module: String, _ names: String) {
      for name in names.split(whereSeparator: \.isWhitespace) { paths.insert("\(module).\(name)") }
    }
    for module in ["builtins", "__builtin__"] {
      add(
        module,
        """
        bool int long float complex str unicode bytes bytearray list tuple set frozenset dict object
        range xrange slice len abs sum min max round pow divmod sorted reversed enumerate zip iter
        next all any hash repr ascii bin hex oct ord chr unichr isinstance issubclass callable
        NotImplemented Ellipsis None True False
        """)
    }
    // Python 2 has a module of its own for them.
    for module in ["builtins", "__builtin__", "exceptions"] {
      add(
        module,
        """
        BaseException Exception ArithmeticError AssertionError AttributeError BlockingIOError
        BrokenPipeError BufferError EOFError FileExistsError FileNotFoundError FloatingPointError
        ImportError IndexError IOError IsADirectoryError KeyError KeyboardInterrupt LookupError
        MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError
        OverflowError PermissionError RecursionError RuntimeError StopIteration SyntaxError
        SystemError SystemExit TimeoutError TypeError UnboundLocalError UnicodeDecodeError
        UnicodeEncodeError UnicodeError ValueError ZeroDivisionError Warning UserWarning
        DeprecationWarning RuntimeWarning FutureWarning
        """)
    }
    add(
      "collections", "OrderedDict defaultdict Counter deque ChainMap UserDict UserList UserString")
    for module in ["copyreg", "copy_reg"] {
      add(module, "_reconstructor __newobj__ __newobj_ex__")
    }
    add("_codecs", "encode")
    add("argparse", "Namespace")
    for module in ["pathlib", "pathlib._local"] {
      add(module, "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath")
    }
    add("datetime", "datetime date time timedelta timezone tzinfo")
    add("decimal", "Decimal")
    add("_decimal", "Decimal")
    add("_pydecimal", "Decimal")
    add("fractions", "Fraction")
    add("enum", "Enum IntEnum Flag IntFlag StrEnum auto")
    add("operator", "or_")
    add("_operator", "or_")
    add("types", "SimpleNamespace NoneType GenericAlias UnionType")
    add("fsspec.implementations.local", "LocalFileSystem")
    add("uuid", "UUID SafeUUID")
    add("time", "struct_time")
    add("random", "Random")
    add("_random", "Random")
    add("re", "_compile Pattern")
    add("array", "array _array_reconstructor")
    add("itertools", "count repeat cycle chain")
    add("io", "BytesIO StringIO")
    add("_io", "BytesIO StringIO")
    add("logging", "getLogger")
    add("zoneinfo", "ZoneInfo ZoneInfo._unpickle")
    add("pytz", "_UTC _p timezone")
    add("dateutil.tz.tz", "tzutc tzlocal tzoffset")
    add("easydict", "EasyDict")
    add("addict.addict", "Dict")
    add("munch", "Munch")
    add("yacs.config", "CfgNode")
    add("ml_collections.config_dict.config_dict", "ConfigDict FrozenConfigDict FieldReference")
    add("mmcv.utils.config", "ConfigDict Config")
    add("mmengine.config.config", "ConfigDict Config")
    addTorch(add)
    addNumPy(add)
    return paths
  }()

  private static func addTorch(_ add: (String, String) -> Void) {
    let storages = """
      FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage
      CharStorage ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage
      QInt32Storage QUInt8Storage QUInt4x2Storage QUInt2x4Storage UntypedStorage TypedStorage
      """
    for module in ["torch", "torch.cuda", "torch.storage", "torch.sparse"] {
      add(module, storages)
    }
    for module in ["torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse"] {
      add(
        module,
        """
        FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor
        CharTensor ByteTensor BoolTensor
        """)
    }
    add("torch.storage", "_UntypedStorage _TypedStorage _LegacyStorage")
    add(
      "torch",
      """
      Tensor Size device dtype layout memory_format qscheme Generator finfo iinfo
      strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc jagged _mkldnn
      contiguous_format channels_last channels_last_3d preserve_format
      float32 float float64 double float16 half bfloat16 complex32 chalf complex64 cfloat complex128
      cdouble uint8 uint16 uint32 uint64 int8 int16 short int32 int int64 long bool quint8 qint8
      qint32 quint4x2 quint2x4 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz
      float8_e8m0fnu float4_e2m1fn_x2 bits8 bits16 bits1x8 bits2x4 bits4x2
      uint1 uint2 uint3 uint4 uint5 uint6 uint7 int1 int2 int3 int4 int5 int6 int7
      per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric
      per_channel_affine_float_qparams
      ScriptObject
      """)
    add(
      "torch._utils",
      """
      _rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter
      _rebuild_parameter_with_state _rebuild_sparse_tensor _rebuild_sparse_csr_tensor
      _rebuild_nested_tensor _rebuild_qtensor _rebuild_wrapper_subclass
      _rebuild_meta_tensor_no_storage _rebuild_device_tensor_from_numpy
      _rebuild_device_tensor_from_cpu_tensor _rebuild_xla_tensor
      """)
    // Where pickle finds a memory format when it looks through the modules.
    for format in ["contiguous_format", "channels_last", "channels_last_3d", "preserve_format"] {
      add("torch._utils", "torch." + format)
    }
    add("torch._tensor", "Tensor _rebuild_from_type _rebuild_from_type_v2")
    add("torch.tensor", "Tensor _rebuild_from_type _rebuild_from_type_v2")
    add("torch.nn", "Parameter Module ModuleList ModuleDict Sequential ParameterList ParameterDict")
    add("torch.nn.parameter", "Parameter Buffer UninitializedParameter UninitializedBuffer")
    add("torch.serialization", "_get_layout StorageType")
    add("torch._C", "_VariableFunctionsClass")
    for module in ["torch", "torch.nn.functional", "torch._C._nn"] {
      add(
        module,
        """
        celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid
        log_softmax logsigmoid mish prelu relu relu6 relu_ rrelu selu sigmoid silu softmax softmin
        softplus softshrink softsign tanh tanhshrink threshold layer_norm group_norm batch_norm
        instance_norm rms_norm normalize linear bilinear dropout identity cross_entropy mse_loss
        l1_loss smooth_l1_loss huber_loss nll_loss binary_cross_entropy
        binary_cross_entropy_with_logits kl_div cosine_similarity pixel_shuffle interpolate conv1d
        conv2d conv3d max_pool2d avg_pool2d adaptive_avg_pool2d pad one_hot
        scaled_dot_product_attention
        """)
    }
    add("torch.torch_version", "TorchVersion")
    add("torch.random", "Generator")
    // A tensor of two; torch keeps it among its tests.
    add("torch.testing._internal.two_tensor", "TwoTensor")
    add("torch._C", "Generator _TensorBase")
    for module in ["torch.cuda.amp.grad_scaler", "torch.amp.grad_scaler"] {
      add(module, "GradScaler OptState _refresh_per_optimizer_state _MultiDeviceReplicator")
    }
    add("torch.utils.hooks", "RemovableHandle _rebuild_hook")
  }

  private static func addNumPy(_ add: (String, String) -> Void) {
    let scalars = """
      ndarray dtype generic number bool_ bool bool8 int8 int16 int32 int64 intc intp int_ longlong
      uint8 uint16 uint32 uint64 uintc uintp uint ulonglong float16 float32 float64 float128 float_
      half single double longdouble complex64 complex128 complex256 cfloat csingle cdouble
      clongdouble str_ unicode_ bytes_ string_ void object_ datetime64 timedelta64 recarray record
      """
    add("numpy", scalars + " matrix")
    add("numpy.rec", "recarray record")
    add(
      "numpy.dtypes",
      """
      BoolDType Int8DType Int16DType Int32DType Int64DType UInt8DType UInt16DType UInt32DType
      UInt64DType Float16DType Float32DType Float64DType LongDoubleDType Complex64DType
      Complex128DType CLongDoubleDType ObjectDType StrDType BytesDType VoidDType DateTime64DType
      TimeDelta64DType StringDType IntDType UIntDType LongDType ULongDType LongLongDType
      ULongLongDType ByteDType UByteDType ShortDType UShortDType
      """)
    for root in ["numpy.core", "numpy._core"] {
      add(root + ".multiarray", "_reconstruct scalar ndarray dtype")
      add(root + ".numeric", "_frombuffer")
      add(root + "._internal", "_convert_to_stringdtype_kwargs")
      add(root + ".records", "recarray record")
    }
    add("numpy.ma.core", "MaskedArray _mareconstruct")
    add("numpy.ma", "MaskedArray")
    add("numpy.matrixlib.defmatrix", "matrix")
    add("numpy.random", "__RandomState_ctor RandomState Generator")
    add("numpy.random.mtrand", "RandomState __RandomState_ctor")
    add(
      "numpy.random._pickle", "__randomstate_ctor __generator_ctor __bit_generator_ctor")
    add("numpy.random._generator", "Generator")
    add("numpy.random._mt19937", "MT19937")
    add("numpy.random._pcg64", "PCG64 PCG64DXSM")
    add("numpy.random._philox", "Philox")
    add("numpy.random._sfc64", "SFC64")
    add("numpy.random.bit_generator", "SeedSequence __pyx_unpickle_SeedSequence")
  }

  /// Packages whose classes are settings, callbacks and layers; Python makes them from a pickle
  /// without running more than their attributes' assignment.
  private static let packages: [(prefix: String, suffixes: [String])] = [
    ("torch.nn.modules", []), ("torch.optim", []), ("torch.nn.init", []),
    ("torch.ao.nn", []),
    ("torch.ao.quantization", ["Observer", "QConfig", "FakeQuantize", "Stub"]),
    ("torch.nn.utils.parametrizations", []), ("torch.nn.utils.parametrize", []),
    ("torch.nn.utils.spectral_norm", []), ("torch.nn.utils.weight_norm", []),
    ("timm.models", []), ("timm.layers", []), ("torchvision.models", []), ("torchvision.ops", []),
    ("omegaconf.dictconfig", []), ("omegaconf.listconfig", []), ("omegaconf.base", []),
    ("omegaconf.basecontainer", []), ("omegaconf.nodes", []), ("omegaconf._utils", []),
    ("pytorch_lightning.callbacks", []), ("lightning.pytorch.callbacks", []),
    ("pytorch_lightning.utilities", ["AttributeDict", "Enum", "Type", "Strategy"]),
    ("lightning.pytorch.utilities", ["AttributeDict", "Enum", "Type", "Strategy"]),
    ("lightning_fabric.utilities", ["AttributeDict", "Enum", "Type"]),
    ("lightning.fabric.utilities", ["AttributeDict", "Enum", "Type"]),
    ("pytorch_lightning.trainer.states", []), ("lightning.pytorch.trainer.states", []),
    ("diffusers.configuration_utils", ["FrozenDict"]),
    ("diffusers.models", []), ("diffusers.schedulers", []),
    ("diffusers.training_utils", ["EMAModel"]),
    (
      "transformers.models",
      [
        "Config", "Model", "Embeddings", "Encoder", "Attention", "MLP", "Layer", "Transformer",
        "Projection", "Norm", "Decoder", "Pooler", "Output",
      ]
    ),
    ("transformers.configuration_utils", ["Config"]),
    ("transformers.activations", []),
    ("transformers.generation.configuration_utils", ["Config"]),
    ("transformers.modeling_outputs", []),
    ("transformers.tokenization_utils_base", ["BatchEncoding", "AddedToken"]),
    ("transformers.training_args", ["Arguments", "Names"]),
    ("transformers.training_args_seq2seq", ["Arguments"]),
    ("transformers.trainer_utils", ["Strategy", "Type", "Names", "Output", "Option"]),
    ("transformers.trainer_pt_utils", ["Config"]),
    ("transformers.integrations.deepspeed", ["Config"]),
    ("transformers.deepspeed", ["Config"]),
    ("accelerate.utils.dataclasses", []), ("accelerate.state", ["State", "Type"]),
    ("tokenizers", ["AddedToken"]), ("peft", ["Config", "Type"]),
    ("ldm.models", []), ("ldm.modules", []), ("ldm.lr_scheduler", []),
    ("sgm.models", []), ("sgm.modules", []), ("sgm.lr_scheduler", []),
    ("taming.models", []), ("taming.modules", []),
    ("open_clip", ["Cfg", "CLIP", "Transformer", "Encoder"]),
    ("typing", []), ("typing_extensions", []),
  ]

  /// Whether a name is one class of a package of such classes: `torch.nn.modules.linear` `Linear`.
  static func isOrdinaryClass(module: String, name: String) -> Bool {
    // Classes start with a capital letter; a dot would reach on from them.
    guard let first = name.unicodeScalars.first, ("A"..."Z").contains(first),
      name.unicodeScalars.allSatisfy({
        $0.isASCII && ($0 == "_" || $0.properties.numericType != nil || $0.properties.isAlphabetic)
      })
    else { return false }
    return packages.contains { package in
      let isInside = module == package.prefix || module.hasPrefix(package.prefix + ".")
      return isInside
        && (package.suffixes.isEmpty || package.suffixes.contains { name.hasSuffix($0) })
    }
  }
}
