internal import Checkpoints
public import KeyLayouts
internal import TensorCore

/// Whole models mixed tensor by tensor, by canonical names: whatever their containers and layouts.
public struct CheckpointMerge: Sendable {
  /// Tensors of the first model that another does not have, and that stay as they are.
  public struct Kept: Sendable, Hashable {
    /// The model that lacks them.
    public let path: String
    /// The canonical component: `vae`.
    public let component: String
    /// How many.
    public let count: Int
  }

  /// A model whose U-Net predicts something else than the first one's: a mix of both draws noise.
  public struct Disagreement: Sendable, Hashable {
    /// The model.
    public let path: String
    /// What it predicts, and what says so.
    public let prediction: Prediction
    /// The same of the first model.
    public let base: Prediction

    fileprivate init(path: String, _ prediction: Prediction, _ base: Prediction) {
      (self.path, self.prediction, self.base) = (path, prediction, base)
    }
  }

  /// How the models are mixed.
  public let method: MergeMethod
  /// How much of the others goes in.
  public let ratios: BlockRatios
  /// What other models lack.
  public let kept: [Kept]
  /// What the first model lacks, and so the result.
  public let unused: [Kept]
  /// Models whose U-Net predicts something else than the first one's.
  public let disagreements: [Disagreement]
  /// The canonical names of the tensors that change.
  let changed: Set<String>
  private let others: [Other]

  /// Another model's tensors by canonical name.
  private struct Other: Sendable {
    let path: String
    let tensors: MappedTensors
    let places: [String: Int]
    /// Weights whose numbers do not stand for themselves and cannot be made to.
    let forms: StoredForms

    init(_ model: ReadModel) throws {
      let reading = try model.reading.get()
      path = model.checkpoint.path
      try reading.requireWhole(origin: path)
      tensors = MappedTensors(
        model.checkpoint.checkedSource, by: try reading.ledger.applyingScales { _ in true })
      forms = StoredForms(of: tensors.tensors)
      places = Dictionary(
        tensors.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// Compares the models.
  ///
  /// - Parameters:
  ///   - base: the model that the result has the names and files of.
  ///   - others: one more, or two for a difference.
  /// - Throws: `LayoutError` when a model's family is unknown or tensors are missing;
  ///   `ConversionError` when the families or a shape differ, or a block is in no model.
  public init(
    _ method: MergeMethod, base: ReadModel, others: [ReadModel], ratios: BlockRatios
  ) throws {
    let path = base.checkpoint.path
    let reading = try base.reading.get()
    let targets = reading.ledger.targets.map(\.description)
    for other in others {
      let detection = try other.reading.get().detection
      guard detection.family == reading.detection.family else {
        throw ConversionError(
          path: other.checkpoint.path,
          problem: "is \(detection.family.title), but \(path) is \(reading.detection.family.title)")
      }
    }
    if let block = ratios.unused(among: targets.map(\.name)).first {
      throw ConversionError(
        path: path, problem: "has no tensor in the block '\(block)' that --ratio names")
    }
    self.method = method
    self.ratios = ratios
    self.others = try others.map(Other.init)
    var changed: Set<String> = []
    var sharesAny = false
    var kept: [[String: Int]] = others.map { _ in [:] }
    let forms = StoredForms(of: targets)
    let companions = Set(forms.companions.map { targets[$0].name })
    let own = targets.filter {
      !CarriedName.isCarried($0.name) && !companions.contains($0.name)
    }
    let stored = Set(forms.byWeight.keys.map { targets[$0].name })
    for target in own where target.elementType.isDecodable || stored.contains(target.name) {
      var isEverywhere = true
      for (place, other) in self.others.enumerated() {
        guard let index = other.places[target.name] else {
          kept[place][Self.component(of: target.name), default: 0] += 1
          isEverywhere = false
          continue
        }
        if let form = other.forms.byWeight[index] {
          throw ConversionError.stored(
            other.tensors.tensors[index], as: form, origin: other.path)
        }
        guard !stored.contains(target.name) else { continue }
        try Self.check(other.tensors.tensors[index], of: other.path, against: target, of: path)
      }
      sharesAny = sharesAny || isEverywhere
      if isEverywhere, ratios.ratio(of: target.name) != 0 { changed.insert(target.name) }
    }
    // Ratios of 0 throughout are a wish that can be met.
    let isIdle = sharesAny && own.allSatisfy { ratios.ratio(of: $0.name) == 0 }
    guard !changed.isEmpty || isIdle else {
      throw ConversionError(
        path: path, problem: "nothing to merge: the models share no component that --ratio weighs")
    }
    self.changed = changed
    self.kept = Self.list(kept, self.others)
    let known = Set(targets.map(\.name))
    let unused = self.others.map { other in
      Dictionary(
        grouping: other.places.filter {
          !known.contains($0.key) && !CarriedName.isCarried($0.key)
            && !other.forms.companions.contains($0.value)
        }.map(\.key),
        by: Self.component
      ).mapValues(\.count)
    }
    self.unused = Self.list(unused, self.others)
    disagreements =
      changed.contains { $0.hasPrefix(Component.unet.prefix) }
      ? try others.compactMap { other in
        let prediction = try other.reading.get().prediction
        return prediction.type == reading.prediction.type
          ? nil : Disagreement(path: other.checkpoint.path, prediction, reading.prediction)
      } : []
  }

  private static func component(of name: String) -> String { String(name.prefix { $0 != "." }) }

  private static func list(_ counts: [[String: Int]], _ others: [Other]) -> [Kept] {
    zip(others, counts).flatMap { other, counts in
      counts.sorted { $0.key < $1.key }.map {
        Kept(path: other.path, component: $0.key, count: $0.value)
      }
    }
  }

  /// Whether two models' tensors can be mixed: shapes are equal, but for the first convolution of a
  /// U-Net that takes more than latents.
  private static func check(
    _ found: TensorDescription, of path: String, against base: TensorDescription,
    of basePath: String
  ) throws(ConversionError) {
    guard found.elementType.isDecodable else {
      throw ConversionError(
        path: path,
        problem: "tensor '\(found.name)' is \(found.elementType), which cannot be computed with")
    }
    guard found.shape != base.shape, !isWithin(found.shape, base.shape, named: base.name) else {
      return
    }
    let isWider = isWithin(base.shape, found.shape, named: base.name)
    throw ConversionError(
      path: path,
      problem: "tensor '\(found.name)' is \(found.shape), but \(base.shape) in \(basePath)"
        + (isWider ? ": name the model with more inputs first" : ""))
  }

  private static func isWithin(
    _ shape: TensorShape, _ larger: TensorShape, named name: String
  ) -> Bool {
    name == "unet.conv_in.weight" && shape.rank == 4 && larger.rank == 4
      && shape[0] == larger[0] && shape[1] < larger[1]
      && shape.dimensions.dropFirst(2) == larger.dimensions.dropFirst(2)
  }

  func computation(of base: TensorView) throws -> (any RowComputation)? {
    guard changed.contains(base.name) else { return nil }
    let ratio = ratios.ratio(of: base.name)
    let views = try others.map { other in
      guard let place = other.places[base.name] else { preconditionFailure("checked before") }
      return try other.tensors.tensor(at: place)
    }
    let formula: MixedRows.Formula =
      switch method {
      case .weightedSum: .sum(left: Float(1 - ratio), right: Float(ratio))
      case .addDifference: .difference(ratio: Float(ratio))
      case .slerp where views[0].shape == base.shape:
        MixedRows.slerp(base, views[0], ratio: ratio)
      case .slerp: .sum(left: Float(1 - ratio), right: Float(ratio))
      }
    return MixedRows([base] + views, formula)
  }
}
