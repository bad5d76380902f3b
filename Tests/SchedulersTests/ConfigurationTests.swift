import Schedulers
import TensorCore
import Testing

/// Fields that would change the picture and are not supported are refused by name, and nothing that
/// a file says ends the program.
@Suite struct ConfigurationTests {
  @Test(
    arguments: [
      (
        "beta_schedule", "cosine",
        "\"cosine\", expected scaled_linear, linear or squaredcos_cap_v2"
      ),
      ("beta_schedule", 3, "3, expected scaled_linear, linear or squaredcos_cap_v2"),
      ("prediction_type", "sample", "\"sample\", expected epsilon or v_prediction"),
      ("timestep_spacing", "odd", "\"odd\", expected leading, linspace or trailing"),
      ("num_train_timesteps", 1e300, "1e+300, expected a whole number, 1 to 100000"),
      ("num_train_timesteps", 0, "0, expected a whole number, 1 to 100000"),
      ("steps_offset", 1e300, "1e+300, expected a whole number, 0 to 100000"),
      ("steps_offset", -1, "-1, expected a whole number, 0 to 100000"),
      ("steps_offset", 0.5, "0.5, expected a whole number, 0 to 100000"),
      ("beta_start", -0.1, "-0.1, expected 0 or more and below 1"),
      ("beta_end", 1, "1, expected 0 or more and below 1"),
      ("beta_end", "a", "\"a\", expected a number"),
      ("trained_betas", [0.1, 2], "[0.1,2], expected 0 or more and below 1"),
      ("trained_betas", [], "[], expected a list of numbers"),
      ("trained_betas", ["a"], "[\"a\"], expected a list of numbers"),
      ("set_alpha_to_one", "yes", "\"yes\", expected true or false"),
    ] as [(String, JSON, String)])
  func aFieldOutOfRangeIsNamed(field: String, value: JSON, problem: String) {
    for kind in SchedulerKind.allCases {
      let error = #expect(throws: SchedulerError.self) {
        try kind.makeScheduler(steps: 10, configuration: [field: value])
      }
      #expect(error?.description == "scheduler: '\(field)' is \(problem)")
    }
  }

  /// Only the samplers that know a field look at it, as in diffusers.
  @Test(
    arguments: [
      ("thresholding", true, [SchedulerKind.ddim]),
      ("clip_sample", "no", [.ddim]),
      ("rescale_betas_zero_snr", true, [.ddim, .euler]),
      ("use_karras_sigmas", true, [.euler]),
      ("use_exponential_sigmas", true, [.euler]),
      ("use_beta_sigmas", true, [.euler]),
      ("interpolation_type", "log_linear", [.euler]),
      ("timestep_type", "continuous", [.euler]),
      ("final_sigmas_type", "sigma_min", [.euler]),
    ] as [(String, JSON, [SchedulerKind])])
  func unsupportedFieldsAreRefusedWhereTheyCount(
    field: String, value: JSON, kinds: [SchedulerKind]
  ) {
    for kind in SchedulerKind.allCases {
      let make = { try kind.makeScheduler(steps: 10, configuration: [field: value]) }
      if kinds.contains(kind) {
        let error = #expect(throws: SchedulerError.self) { _ = try make() }
        #expect(error?.field == field)
      } else {
        #expect(throws: Never.self) { _ = try make() }
      }
    }
  }

  @Test func rungeKuttaNeedsFourSteps() {
    let error = #expect(throws: SchedulerError.self) {
      try SchedulerKind.pndm.makeScheduler(steps: 3, configuration: [:])
    }
    #expect(
      error?.description
        == "scheduler: 'steps' is 3, expected 4 or more where 'skip_prk_steps' is not true")
  }

  /// diffusers passes on what the model's file stated, corrected, and nothing else.
  @Test func anExchangedSamplerGetsWhatTheFileStates() {
    let old: JSONObject = ["steps_offset": 0, "clip_sample": true, "beta_start": 0.1]
    let corrected: JSONObject = ["steps_offset": 1, "clip_sample": false, "beta_start": 0.1]
    for isExchanged in [false, true] {
      #expect(
        SchedulerKind.pipelineConfiguration(old, isExchanged: isExchanged) == corrected)
    }
    let bare: JSONObject = ["beta_start": 0.1]
    #expect(SchedulerKind.pipelineConfiguration(bare, isExchanged: true) == bare)
    #expect(
      SchedulerKind.pipelineConfiguration(bare, isExchanged: false)
        == ["beta_start": 0.1, "steps_offset": 1, "clip_sample": false])
  }
}
