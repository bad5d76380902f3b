public import TensorCore

/// A model's tokenizer files cannot be used.
public struct TokenizerError: DescribedError, Hashable {
  /// The attachment: `tokenizer/vocab.json`.
  public let file: String
  /// What is wrong.
  public let problem: String
  /// The model, as the user named it, where that is known.
  public var origin: String?

  /// The line shown to people.
  public var description: String { (origin.map { "\($0): " } ?? "") + "\(file): \(problem)" }
}

/// What `tokenizer_config.json` says that changes ids.
struct TokenizerConfiguration {
  let maximumLength: Int
  let startText: String
  let endText: String
  let paddingText: String
  /// The tokens that are looked for in a prompt as a whole. A configuration describes one in an
  /// object that says whether it is looked for in normalized text, or only gives its text: then in
  /// the prompt as it is.
  let specialTokens: [(text: String, isNormalized: Bool)]

  /// Reads a configuration; without one, everything is as in SD 1.x.
  init(_ bytes: [UInt8]?, file: String) throws(TokenizerError) {
    var object = JSONObject()
    if let bytes {
      do { object = try JSON(parsing: bytes).objectValue ?? object } catch {
        throw TokenizerError(file: file, problem: "\(error)")
      }
    }
    func content(_ name: String, _ standard: String) -> String {
      let field = object[name]
      return field?.stringValue ?? field?["content"]?.stringValue ?? standard
    }
    startText = content("bos_token", CLIPTokenizer.startText)
    endText = content("eos_token", CLIPTokenizer.endText)
    paddingText = content("pad_token", endText)
    guard startText == CLIPTokenizer.startText, endText == CLIPTokenizer.endText else {
      throw TokenizerError(
        file: file,
        problem: "special tokens '\(startText)' and '\(endText)', expected "
          + "'\(CLIPTokenizer.startText)' and '\(CLIPTokenizer.endText)'")
    }
    func isNormalized(_ name: String) -> Bool {
      object[name]?["normalized"]?.boolValue ?? false
    }
    // The end token is also the unknown and often the padding token. Of its descriptions, these
    // decide in transformers 5; that of `eos_token` never does.
    let pads = paddingText == endText
    var special = [
      (text: startText, isNormalized: isNormalized("bos_token")),
      (
        text: endText,
        isNormalized: isNormalized("unk_token") && (!pads || isNormalized("pad_token"))
      ),
    ]
    if !pads { special.append((text: paddingText, isNormalized: isNormalized("pad_token"))) }
    specialTokens = special.filter { !$0.text.isEmpty }
    // A tokenizer without a limit says so with a huge number; the text towers have 77 positions.
    let length = object["model_max_length"]?.intValue ?? 77
    maximumLength = length > 1 << 16 ? 77 : length
    guard maximumLength >= 2 else {
      throw TokenizerError(
        file: file, problem: "'model_max_length' is \(length), expected 2 or more")
    }
  }
}
