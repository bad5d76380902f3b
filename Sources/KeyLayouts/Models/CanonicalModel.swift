public import TensorCore

/// A model under canonical names: what every container and layout becomes before it is run,
/// written or compared.
public struct CanonicalModel: Sendable {
  /// The tensors; names are diffusers' behind the component: `unet.conv_in.weight`.
  public var tensors: any TensorSource
  /// diffusers' own configuration of each component (`unet`, `vae`, `text_encoder`, `scheduler`),
  /// with diffusers' field names.
  public var configurations: [String: JSONObject]
  /// Files carried along by relative path: `tokenizer/vocab.json`, `tokenizer/merges.txt`.
  public var attachments: [String: [UInt8]]
  /// The line in messages that says which model this is: the path the user gave.
  public var origin: String

  /// Puts a model together.
  public init(
    tensors: any TensorSource, configurations: [String: JSONObject],
    attachments: [String: [UInt8]], origin: String
  ) {
    self.tensors = tensors
    self.configurations = configurations
    self.attachments = attachments
    self.origin = origin
  }
}
