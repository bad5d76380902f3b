internal import Checkpoints
public import KeyLayouts
public import TensorCore

/// The model under examination.
struct Patient: Sendable {
  let checkpoint: Checkpoint
  /// The tensors; of an ingot each is checked as it is read.
  let source: any TensorSource
  /// What the tensors are, where that is known.
  let reading: LayoutReading?
  /// Why that is not known.
  let readingError: LayoutError?
  /// The names without what wrappers left in them, by the tensor's place.
  let cleanNames: [String]
  let settings: DoctorSettings

  var tensors: [TensorDescription] { source.tensors }

  /// Whether the model is a single file: no configuration is beside it.
  var isBareFile: Bool { checkpoint.format.contents == .tensors }

  init(_ model: ReadModel, _ settings: DoctorSettings) {
    checkpoint = model.checkpoint
    source = model.checkpoint.checkedSource
    self.settings = settings
    let names = source.tensors.map(\.name)
    switch model.reading {
    case .success(let reading):
      self.reading = reading
      readingError = nil
      cleanNames = names.map(NameCleaning.clean)
    case .failure(let error):
      reading = nil
      readingError = error
      cleanNames = error.isAboutFamily ? Self.unwrapped(names) : names.map(NameCleaning.clean)
    }
  }

  /// The names of a model that nobody knows, whose own modules may well be called `module`: without
  /// `torch.compile`'s level, and without `DataParallel`'s where all have it in front.
  private static func unwrapped(_ names: [String]) -> [String] {
    let front = "module."
    let isParallel = !names.isEmpty && names.allSatisfy { $0.hasPrefix(front) }
    return names.map { name in
      let rest = isParallel ? name.dropFirst(front.count) : name[...]
      return rest.split(separator: ".", omittingEmptySubsequences: false)
        .filter { $0 != "_orig_mod" }.joined(separator: ".")
    }
  }

  /// The values of a small tensor; `nil` for one with more values than `limit`, or of a type that
  /// holds no numbers.
  ///
  /// - Throws: the container's error when the bytes cannot be produced.
  func numbers(at index: Int, limit: Int = 1 << 20) throws -> [Double]? {
    guard tensors[index].shape.elementCount <= limit else { return nil }
    let view = try source.tensor(at: index)
    return view.withBytes { view.elementType.numbers(in: $0) }
  }
}

/// How a model is examined.
public struct DoctorSettings: Sendable, Hashable {
  /// Whether every weight is read.
  public var isDeep: Bool
  /// The type of weights whose scales are multiplied in; that of most other weights by default.
  public var elementType: ElementType?
  /// What the user states about the model.
  public var overrides: ConfigurationOverrides

  /// Chooses how a model is examined.
  public init(
    isDeep: Bool = false, elementType: ElementType? = nil,
    overrides: ConfigurationOverrides = ConfigurationOverrides()
  ) {
    self.isDeep = isDeep
    self.elementType = elementType
    self.overrides = overrides
  }

  /// What the network predicts, by the user's word.
  var prediction: PredictionType? { overrides.prediction }
}

extension ElementType {
  /// The numbers of little-endian elements; `nil` for types that hold none, or two in each.
  func numbers(in bytes: RawSpan) -> [Double]? {
    hasKnownNumbers ? NumberList(bytes, self).values : nil
  }
}
