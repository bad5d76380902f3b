internal import TensorCore

/// The classes and functions of Python, torch and numpy whose meaning is plain data. We build the
/// data; nothing is looked up, imported or called. Everything that is not listed stays opaque.
enum KnownGlobal: Sendable, Hashable {
  /// Something that is called with arguments to make a value.
  case callable(Callable)
  /// `torch.FloatStorage` and its like; no element type where we have none.
  case storageType(ElementType?)
  /// `torch.storage.UntypedStorage`, counted in bytes.
  case untypedStorage
  /// `torch.float32` and its like; no element type where we have none.
  case elementType(ElementType?)
  /// `torch.float4_e2m1fn_x2`: two numbers of 4 bits in each element.
  case packedElementType(ElementType)
  /// A class that is only referred to.
  case reference

  /// What can be called.
  enum Callable: Sendable, Hashable {
    case dictionary, orderedDictionary, defaultDictionary
    case list, tuple, set, bytes, string, integer, float, bool, complex
    case encode
    case size, device
    case rebuildTensor, rebuildTensorV2, rebuildTensorV3
    case rebuildParameter, rebuildFromType, parameter
    case rebuildSparse, rebuildQuantised, rebuildNested, rebuildMeta, rebuildWrapper
    case rebuildFromArray
    case numpyScalar, numpyType, numpyReconstruct, numpyFromBuffer
    case layout
  }

  init?(module: String, name: String) {
    switch module {
    case "builtins", "__builtin__":
      guard let callable = Self.builtins[name] else { return nil }
      self = .callable(callable)
    case "torch": self.init(torch: name)
    case "torch.cuda":
      guard let type = Self.storageTypes[name] else { return nil }
      self = .storageType(type)
    default:
      guard let known = Self.others["\(module).\(name)"] else { return nil }
      self = known
    }
  }

  private init?(torch name: String) {
    if let type = Self.storageTypes[name] {
      self = .storageType(type)
    } else if let type = Self.elementTypes[name] {
      self = .elementType(type)
    } else if name == "float4_e2m1fn_x2" {
      self = .packedElementType(.float4E2M1)
    } else if Self.foreignTypes.contains(name) {
      self = name.hasSuffix("Storage") ? .storageType(nil) : .elementType(nil)
    } else {
      switch name {
      case "Size": self = .callable(.size)
      case "device": self = .callable(.device)
      case "UntypedStorage": self = .untypedStorage
      case "Tensor", "dtype", "strided", "contiguous_format", "channels_last", "preserve_format":
        self = .reference
      case "per_tensor_affine", "per_channel_affine", "per_channel_affine_float_qparams",
        "per_tensor_symmetric", "per_channel_symmetric":
        self = .reference
      default: return nil
      }
    }
  }

  /// By name, in `builtins` and Python 2's `__builtin__`.
  static let builtins: [String: Callable] = [
    "dict": .dictionary, "list": .list, "tuple": .tuple, "set": .set, "frozenset": .set,
    "bytes": .bytes, "bytearray": .bytes, "str": .string, "unicode": .string, "int": .integer,
    "long": .integer, "float": .float, "bool": .bool, "complex": .complex,
  ]

  /// By module and name, other than in `torch` itself.
  static let others: [String: KnownGlobal] = [
    "collections.OrderedDict": .callable(.orderedDictionary),
    "collections.defaultdict": .callable(.defaultDictionary),
    "_codecs.encode": .callable(.encode),
    "torch._utils._rebuild_tensor": .callable(.rebuildTensor),
    "torch._utils._rebuild_tensor_v2": .callable(.rebuildTensorV2),
    "torch._utils._rebuild_tensor_v3": .callable(.rebuildTensorV3),
    "torch._utils._rebuild_parameter": .callable(.rebuildParameter),
    "torch._utils._rebuild_parameter_with_state": .callable(.rebuildParameter),
    "torch._tensor._rebuild_from_type_v2": .callable(.rebuildFromType),
    "torch.nn.Parameter": .callable(.parameter),
    "torch.nn.parameter.Parameter": .callable(.parameter),
    "torch.nn.parameter.Buffer": .reference,
    "torch._tensor.Tensor": .reference,
    "torch.storage.UntypedStorage": .untypedStorage,
    "torch.storage._UntypedStorage": .untypedStorage,
    "torch.storage.TypedStorage": .reference,
    "torch.storage._TypedStorage": .reference,
    "torch._utils._rebuild_sparse_tensor": .callable(.rebuildSparse),
    "torch._utils._rebuild_sparse_csr_tensor": .callable(.rebuildSparse),
    "torch._utils._rebuild_qtensor": .callable(.rebuildQuantised),
    "torch._utils._rebuild_nested_tensor": .callable(.rebuildNested),
    "torch._utils._rebuild_meta_tensor_no_storage": .callable(.rebuildMeta),
    "torch._utils._rebuild_wrapper_subclass": .callable(.rebuildWrapper),
    "torch._utils._rebuild_device_tensor_from_numpy": .callable(.rebuildFromArray),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": .callable(.rebuildFromArray),
    "torch._utils._rebuild_xla_tensor": .callable(.rebuildFromArray),
    "torch.serialization._get_layout": .callable(.layout),
    "numpy.core.multiarray.scalar": .callable(.numpyScalar),
    "numpy._core.multiarray.scalar": .callable(.numpyScalar),
    "numpy.core.multiarray._reconstruct": .callable(.numpyReconstruct),
    "numpy._core.multiarray._reconstruct": .callable(.numpyReconstruct),
    "numpy.core.numeric._frombuffer": .callable(.numpyFromBuffer),
    "numpy._core.numeric._frombuffer": .callable(.numpyFromBuffer),
    "numpy.ndarray": .reference,
    "numpy.dtype": .callable(.numpyType),
  ]

  private static let storageTypes: [String: ElementType] = [
    "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
    "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    "ComplexFloatStorage": .complex64, "ComplexDoubleStorage": .complex128,
  ]

  private static let elementTypes: [String: ElementType] = [
    "float32": .float32, "float": .float32, "float64": .float64, "double": .float64,
    "float16": .float16, "half": .float16, "bfloat16": .bfloat16, "int64": .int64,
    "long": .int64, "int32": .int32, "int": .int32, "int16": .int16, "short": .int16,
    "int8": .int8, "uint8": .uint8, "uint16": .uint16, "uint32": .uint32, "uint64": .uint64,
    "bool": .bool, "complex64": .complex64, "cfloat": .complex64, "complex128": .complex128,
    "cdouble": .complex128, "float8_e4m3fn": .float8E4M3FN, "float8_e5m2": .float8E5M2,
    "float8_e4m3fnuz": .float8E4M3FNUZ, "float8_e5m2fnuz": .float8E5M2FNUZ,
    "float8_e8m0fnu": .float8E8M0FNU,
  ]

  /// Types of torch that have no element type here. Tensors of them stay opaque values.
  private static let foreignTypes: Set<String> = [
    "QInt8Storage", "QInt32Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage",
    "qint8", "qint32", "quint8", "quint4x2", "quint2x4", "complex32", "chalf", "bcomplex32",
    "bits1x8", "bits2x4", "bits4x2", "bits8", "bits16", "int1", "int2", "int3", "int4", "int5",
    "int6", "int7", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7",
  ]

  /// The element types of torch by name, for the writer.
  static func torchName(of type: ElementType) -> String? {
    switch type {
    case .bool: "bool"
    default:
      elementTypes.first { $0.value == type && $0.key.last?.isLetter != true }?.key
        ?? elementTypes.first { $0.value == type && $0.key.contains("_") }?.key
    }
  }

  /// The typed storage classes of torch by element type, for the writer.
  static func storageName(of type: ElementType) -> String? {
    storageTypes.first { $0.value == type }?.key
  }
}
