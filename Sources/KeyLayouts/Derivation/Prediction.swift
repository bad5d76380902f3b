public import TensorCore

/// What a network predicts.
public enum PredictionType: String, Sendable, Hashable, CaseIterable {
  /// The noise.
  case epsilon
  /// The velocity, a blend of noise and latents (Salimans and Ho 2022, appendix D).
  case velocity = "v_prediction"
  /// The latents without noise.
  case sample

  /// The name that metadata and people use: `epsilon`, `v`, `v_prediction`, `eps`.
  public init?(named name: String) {
    switch name.lowercased() {
    case "epsilon", "eps", "noise": self = .epsilon
    case "v", "v_prediction", "v-prediction", "v_pred", "velocity": self = .velocity
    case "sample", "x0": self = .sample
    default: return nil
    }
  }

  /// What `modelspec.prediction_type` says: `v` for velocities.
  public var modelspecName: String { self == .velocity ? "v" : rawValue }
}

/// What a network predicts, on what schedule, and how that is known.
public struct Prediction: Sendable, Hashable {
  /// What settled it, the strongest first.
  public enum Origin: Sendable, Hashable {
    /// The user.
    case request
    /// A scheduler's configuration.
    case configuration
    /// A tensor that stands there for that.
    case marker(String)
    /// A field of the metadata.
    case metadata(String)
    /// Nothing: the family's rule.
    case assumed
  }

  /// The schedule of noise levels.
  public enum Schedule: Sendable, Hashable {
    /// A thousand steps of betas.
    case discrete
    /// The same, rescaled so that the last step has no signal left (Lin et al. 2023).
    case zeroTerminalSNR
    /// EDM's, continuous in sigma (Karras et al. 2022).
    case continuous
  }

  /// What is predicted.
  public var type: PredictionType
  /// The schedule.
  public var schedule: Schedule
  /// What settled the type.
  public var origin: Origin
  /// A statement that nobody understands, where nothing else settles the type:
  /// `modelspec.prediction_type 'banana' in the metadata`.
  public private(set) var unread: String?

  init(type: PredictionType, schedule: Schedule, origin: Origin) {
    (self.type, self.schedule, self.origin) = (type, schedule, origin)
  }

  /// Settles the type by the tensors' names and the metadata: markers first, then
  /// `modelspec.prediction_type`, the trainer's `parameterization`, Stable Diffusion 2.x's count of
  /// training steps, and last the family's rule.
  init(
    names: Names, metadata: JSONObject, family: Family, condition: ConcatenatedCondition?
  ) {
    if let first = Self.statements(of: names, metadata, family).first {
      self = first
    } else {
      type = family == .stableDiffusion2 && condition == .nothing ? .velocity : .epsilon
      schedule = Self.discreteSchedule(names)
      origin = .assumed
      unread = Self.unreadStatement(in: metadata)
    }
  }

  /// Why a tensor's name contradicts this; `nil` for every other tensor.
  public func contradiction(by name: String) -> String? {
    let name = CarriedName.isCarried(name) ? CarriedName.original(name) : name
    let isRight: Bool
    switch name {
    case "v_pred": isRight = type == .velocity && schedule != .continuous
    case "ztsnr": isRight = schedule == .zeroTerminalSNR
    case "edm_vpred.sigma_max", "edm_vpred.sigma_min":
      isRight = type == .velocity && schedule == .continuous
    case "edm_mean", "edm_std": isRight = type != .velocity && schedule == .continuous
    default: return nil
    }
    return isRight || origin == .assumed ? nil : "contradicts the prediction type"
  }

  /// Everything in a single file that says what is predicted, the strongest first.
  public static func statements(
    in tensors: [TensorDescription], metadata: JSONObject, family: Family
  ) -> [Prediction] {
    statements(of: Names(tensors.map { NameCleaning.clean($0.name) }), metadata, family)
  }

  /// What contradicts this among a single file's statements, in words; `nil` where nothing does, or
  /// the user has said which is right.
  func contradiction(among names: Names, _ metadata: JSONObject, _ family: Family) -> String? {
    guard origin != .request, origin != .assumed else { return nil }
    let others = Self.statements(of: names, metadata, family).filter {
      $0.type != type && $0.origin != .metadata("global_step")
    }
    guard let other = others.first else { return nil }
    return "two statements contradict each other: the U-Net predicts \(type.rawValue) \(reason), "
      + "which counts for more, and \(other.type.rawValue) \(other.reason)"
  }

  private static func statements(
    of names: Names, _ metadata: JSONObject, _ family: Family
  ) -> [Prediction] {
    let schedule = discreteSchedule(names)
    let values = metadata["values"]
    let markers: [(name: String, type: PredictionType, schedule: Schedule)] = [
      ("edm_vpred.sigma_max", .velocity, .continuous), ("edm_mean", .epsilon, .continuous),
      ("v_pred", .velocity, schedule),
    ]
    let byStep = family == .stableDiffusion2 ? values?["global_step"]?.intValue : nil
    let stated = [
      ("modelspec.prediction_type", Self.stated(metadata["modelspec.prediction_type"])),
      ("parameterization", Self.stated(values?["hyper_parameters"]?["parameterization"])),
      ("global_step", byStep.flatMap { Self.byStep[$0] }),
    ]
    return markers.filter { hasMarker($0.name, names) }.map {
      Prediction(type: $0.type, schedule: $0.schedule, origin: .marker($0.name))
    }
      + stated.compactMap { key, type in
        type.map { Prediction(type: $0, schedule: schedule, origin: .metadata(key)) }
      }
  }

  /// The marker that a tensor is, if its values say something: `edm_mean`.
  package static func markerWithValues(in name: String) -> String? {
    let name = CarriedName.isCarried(name) ? CarriedName.original(name) : name
    return markersWithValues.contains(name) ? name : nil
  }

  private static let markersWithValues: Set<String> = [
    "edm_mean", "edm_std", "edm_vpred.sigma_max", "edm_vpred.sigma_min",
  ]

  /// The first statement in the metadata that is no type of prediction.
  private static func unreadStatement(in metadata: JSONObject) -> String? {
    [
      ("modelspec.prediction_type", metadata["modelspec.prediction_type"]),
      ("parameterization", metadata["values"]?["hyper_parameters"]?["parameterization"]),
    ].lazy.compactMap { key, value in
      value.flatMap { value in
        value == .null ? nil : "\(key) '\(value.stringValue ?? value.text())' in the metadata"
      }
    }.first
  }

  private static func discreteSchedule(_ names: Names) -> Schedule {
    hasMarker("ztsnr", names) ? .zeroTerminalSNR : .discrete
  }

  private static func hasMarker(_ marker: String, _ names: Names) -> Bool {
    names.contains(marker) || names.contains(CarriedName.prefix + marker)
  }

  /// Reads a scheduler's configuration; `nil` where it does not say.
  ///
  /// - Parameters:
  ///   - scheduler: the configuration, with diffusers' names.
  ///   - metadata: what stands beside it, where an earlier conversion notes that it assumed the type.
  public init?(scheduler: JSONObject, metadata: JSONObject = [:]) {
    guard let type = Self.stated(scheduler["prediction_type"]) else { return nil }
    self.type = type
    let isContinuous = scheduler["_class_name"]?.stringValue?.hasPrefix("EDM") == true
    schedule =
      isContinuous
      ? .continuous
      : scheduler["rescale_betas_zero_snr"]?.boolValue == true ? .zeroTerminalSNR : .discrete
    origin = metadata[Self.assumptionKey] == .string(type.rawValue) ? .assumed : .configuration
  }

  /// The key of the metadata under which a conversion notes the type that it assumed and wrote into
  /// the scheduler's configuration. A configuration that says another type was written by somebody
  /// who knew.
  public static let assumptionKey = "assay.assumed_prediction_type"

  /// The steps after which the published checkpoints of Stable Diffusion 2.x were saved.
  private static let byStep = [875_000: PredictionType.epsilon, 110_000: .velocity]

  private static func stated(_ value: JSON?) -> PredictionType? {
    value?.stringValue.flatMap(PredictionType.init(named:))
  }

  /// How it is known, for people: `by the tensor 'v_pred'`.
  public var reason: String {
    switch origin {
    case .request: "as asked for"
    case .configuration: "by the scheduler's configuration"
    case .marker(let name): "by the tensor '\(name)'"
    case .metadata(let key): "by \(key) in the metadata"
    case .assumed:
      "assumed: " + (unread.map { "\($0) is not understood" } ?? "nothing in the file says")
    }
  }

  /// For machines.
  public var json: JSONObject {
    let schedule =
      switch schedule {
      case .discrete: "discrete"
      case .zeroTerminalSNR: "zero terminal SNR"
      case .continuous: "continuous"
      }
    return [
      "type": .string(type.rawValue), "schedule": .string(schedule), "reason": .string(reason),
      "is_assumed": .bool(origin == .assumed),
    ]
  }
}
