internal import TensorCore

extension Configurations {
  /// The scheduler that the family is published with, on the schedule and for the prediction that
  /// the checkpoint asks for.
  func scheduler(condition: ConcatenatedCondition?) -> NotedConfiguration {
    guard prediction.schedule != .continuous else { return continuousScheduler }
    var configuration = NotedConfiguration()
    func state(_ name: String, _ value: JSON) {
      if facts.stated.contains(name) {
        configuration.derive([name: value])
      } else {
        configuration.assume([name: value])
      }
    }
    let isXL = family == .stableDiffusionXL || family == .stableDiffusionXLRefiner
    let isVelocity = prediction.type != .epsilon
    let hasZeroSignal = prediction.schedule == .zeroTerminalSNR
    // PNDM cannot step on a schedule that ends without signal, nor, as published, on velocities.
    let name =
      isXL
      ? "EulerDiscreteScheduler"
      : isVelocity || hasZeroSignal
        ? "DDIMScheduler"
        : condition == .picture ? "EulerAncestralDiscreteScheduler" : "PNDMScheduler"
    configuration.derive(["_class_name": .string(name), "_diffusers_version": "0.9.0"])
    state("beta_start", .number(facts.firstBeta))
    state("beta_end", .number(facts.lastBeta))
    state("num_train_timesteps", .integer(facts.timesteps))
    configuration.assume([
      "beta_schedule": "scaled_linear", "steps_offset": 1, "trained_betas": .null,
    ])
    configuration.add(
      "prediction_type",
      prediction.origin == .assumed ? nil : .string(prediction.type.rawValue),
      else: .string(prediction.type.rawValue))
    switch name {
    case "PNDMScheduler":
      configuration.assume([
        "clip_sample": false, "set_alpha_to_one": false, "skip_prk_steps": true,
      ])
    case "DDIMScheduler":
      configuration.assume(["clip_sample": false, "set_alpha_to_one": false])
    case "EulerDiscreteScheduler":
      configuration.assume([
        "interpolation_type": "linear", "timestep_spacing": "leading", "use_karras_sigmas": false,
      ])
    default: break
    }
    if hasZeroSignal {
      configuration.derive(["rescale_betas_zero_snr": true])
      // Sampling must start at the last step, which alone has no signal.
      configuration.assume(["timestep_spacing": "trailing"])
    }
    return configuration
  }

  /// Fields that are of one class of schedulers or another, and of no account in the rest.
  static let fieldsOfClasses = [
    "skip_prk_steps", "set_alpha_to_one", "clip_sample", "interpolation_type", "use_karras_sigmas",
    "trained_betas",
  ]

  /// EDM's schedule: of CosXL, which predicts velocities, or of Playground 2.5.
  private var continuousScheduler: NotedConfiguration {
    var configuration = NotedConfiguration()
    let isVelocity = prediction.type == .velocity
    configuration.derive([
      "_class_name": .string(
        isVelocity ? "EDMEulerScheduler" : "EDMDPMSolverMultistepScheduler"),
      "_diffusers_version": "0.9.0", "prediction_type": .string(prediction.type.rawValue),
    ])
    configuration.assume([
      "num_train_timesteps": 1000, "rho": 7.0, "sigma_data": isVelocity ? 1.0 : 0.5,
    ])
    configuration.add(
      "sigma_max", facts.greatestSigma.map(JSON.number), else: isVelocity ? 120.0 : 80.0)
    configuration.add("sigma_min", facts.leastSigma.map(JSON.number), else: 0.002)
    if !isVelocity {
      configuration.assume([
        "algorithm_type": "dpmsolver++", "final_sigmas_type": "zero", "solver_order": 2,
        "solver_type": "midpoint",
      ])
    }
    return configuration
  }
}
