public import TensorCore

extension SchedulerKind {
  /// The configuration with which diffusers' Stable Diffusion pipeline runs a sampler.
  ///
  /// A pipeline corrects the configuration of the scheduler it is built with: old ones lack an
  /// offset of 1 and clip the predicted picture. `pipe.scheduler = X.from_config(
  /// pipe.scheduler.config)` passes on to another scheduler only what the model's file stated, for
  /// diffusers remembers which fields were defaults: so a field that the file lacks is the other
  /// class's default again, corrected or not.
  ///
  /// - Parameters:
  ///   - model: the model's own `scheduler_config.json`.
  ///   - isExchanged: whether the sampler is another than the model's own.
  public static func pipelineConfiguration(
    _ model: JSONObject, isExchanged: Bool
  ) -> JSONObject {
    var configuration = model
    for (field, value) in [("steps_offset", JSON.integer(1)), ("clip_sample", false)]
    where !isExchanged || configuration[field] != nil {
      configuration[field] = value
    }
    return configuration
  }
}
