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

  init(type: PredictionType, schedule: Schedule, origin: Origin) {
    (self.type, self.schedule, self.origin) = (type, schedule, origin)
  }

  /// Settles the type by the tensors' names and the metadata: markers first, then
  /// `modelspec.prediction_type`, the trainer's `parameterization`, Stable Diffusion 2.x's count of
  /// training steps, and last the family's rule.
  init(names: Names, metadata: JSONObject, family: Family, inputChannels: Int?) {
    func has(_ marker: String) -> Bool {
      names.contains(marker) || names.contains(CarriedName.prefix + marker)
    }
    schedule = has("ztsnr") ? .zeroTerminalSNR : .discrete
    let values = metadata["values"]
    if has("edm_vpred.sigma_max") {
      (type, schedule, origin) = (.velocity, .continuous, .marker("edm_vpred.sigma_max"))
    } else if has("edm_mean") {
      (type, schedule, origin) = (.epsilon, .continuous, .marker("edm_mean"))
    } else if has("v_pred") {
      (type, origin) = (.velocity, .marker("v_pred"))
    } else if let type = Self.stated(metadata["modelspec.prediction_type"]) {
      (self.type, origin) = (type, .metadata("modelspec.prediction_type"))
    } else if let type = Self.stated(values?["hyper_parameters"]?["parameterization"]) {
      (self.type, origin) = (type, .metadata("parameterization"))
    } else if family == .stableDiffusion2, let step = values?["global_step"]?.intValue,
      let type = Self.byStep[step]
    {
      (self.type, origin) = (type, .metadata("global_step"))
    } else {
      let isPlain = inputChannels == nil || inputChannels == 4
      type = family == .stableDiffusion2 && isPlain ? .velocity : .epsilon
      origin = .assumed
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

  /// Reads a scheduler's configuration; `nil` where it does not say.
  public init?(scheduler: JSONObject) {
    guard let type = Self.stated(scheduler["prediction_type"]) else { return nil }
    self.type = type
    let isContinuous = scheduler["_class_name"]?.stringValue?.hasPrefix("EDM") == true
    schedule =
      isContinuous
      ? .continuous
      : scheduler["rescale_betas_zero_snr"]?.boolValue == true ? .zeroTerminalSNR : .discrete
    origin = .configuration
  }

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
    case .assumed: "assumed: nothing in the file says"
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
