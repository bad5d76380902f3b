import Foundation

/// The bundled trained model.
enum Digits {
  /// The pickled checkpoint.
  static let checkpoint = path("digits.ckpt")
  /// What diffusers computes with it.
  static let reference = path("reference.safetensors")

  private static func path(_ name: String) -> String {
    Tool.fixtures.appending(path: "digits/\(name)").path(percentEncoded: false)
  }
}
