public import DiffusionModels
internal import Schedulers
internal import TensorCore

/// Pictures of one size: every prompt with every seed.
public struct PictureSeries: Sendable, Hashable {
  /// One request a picture: the seeds of the first prompt, then those of the next.
  public let requests: [GenerationRequest]
  /// Where they go.
  public let output: Output
  private let seedCount: Int

  /// The files of a series.
  public enum Output: Sendable, Hashable {
    /// A file for each picture: `out.png`, or `out-1.png`, `out-2.png` where there are several.
    case files(path: String)
    /// One file with all of them side by side.
    case sheet(path: String)
  }

  /// A picture that was drawn.
  public struct Item: Sendable, Hashable {
    /// What was drawn, with the size and the sampler that the model filled in.
    public let request: GenerationRequest
    /// The file that holds it.
    public let path: String
    /// The wall-clock time that it took, in seconds.
    public let seconds: Double
  }

  /// The most pictures in a series: a sheet of as many full-size ones takes a gigabyte.
  public static let largestCount = 1000

  /// Plans a series.
  ///
  /// - Parameters:
  ///   - prompts: one or more.
  ///   - seeds: one or more.
  ///   - request: everything but prompt and seed.
  /// - Throws: `GenerationError` for no picture or too many.
  public init(
    prompts: [String], seeds: [UInt64], request: GenerationRequest, output: Output
  ) throws(GenerationError) {
    let (count, overflow) = prompts.count.multipliedReportingOverflow(by: seeds.count)
    guard !overflow, (1...Self.largestCount).contains(count) else {
      throw GenerationError(
        problem: "\(prompts.count) prompts with \(seeds.count) seeds each, expected 1 to "
          + "\(Self.largestCount) pictures")
    }
    requests = prompts.flatMap { prompt in
      seeds.map { seed in
        var request = request
        (request.prompt, request.seed) = (prompt, seed)
        return request
      }
    }
    seedCount = seeds.count
    self.output = output
  }

  /// Draws and writes every picture.
  ///
  /// - Parameters:
  ///   - model: the model's name for the note in the files.
  ///   - progress: told about every evaluation of the U-Net, counted over the whole series.
  /// - Throws: as `Pipeline.generate`, before anything is drawn where a request cannot be served;
  ///   `PictureError`, `FileError` when a file cannot be written.
  public func draw(
    with pipeline: Pipeline, model: String, progress: (GenerationProgress) throws -> Void
  ) throws -> [Item] {
    let requests = try requests.map(pipeline.completed)
    var (items, pictures): ([Item], [Picture]) = ([], [])
    for (index, request) in requests.enumerated() {
      let start = ContinuousClock.now
      let picture = try pipeline.generate(request) { step in
        try progress(
          GenerationProgress(
            done: index * step.total + step.done, total: requests.count * step.total))
      }.picture
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let path = path(at: index)
      items.append(Item(request: request, path: path, seconds: seconds))
      if case .files = output {
        try picture.writePNG(to: path, text: [request.note(model: model)])
      } else {
        pictures.append(picture)
      }
    }
    if case .sheet(let path) = output {
      let notes = requests.map { $0.note(model: model).value }
      try Picture.grid(pictures, columns: columns).writePNG(
        to: path, text: [(GenerationRequest.noteKeyword, notes.joined(separator: "\n\n"))])
    }
    return items
  }

  /// Pictures in a row of a sheet: where prompts and seeds both vary, a row is a prompt.
  public var columns: Int {
    if seedCount > 1, requests.count > seedCount { return seedCount }
    return Int(Double(requests.count).squareRoot().rounded(.up))
  }

  /// A line for each prompt that the text encoder cannot take whole, with what is dropped.
  public func truncations(by tokenizer: CLIPTokenizer) -> [String] {
    var texts: [(what: String, text: String)] = []
    for request in requests {
      var candidates = [("prompt", request.prompt)]
      if request.guidanceScale > 1 {
        candidates.append(("negative prompt", request.negativePrompt))
      }
      texts += candidates.filter { candidate in !texts.contains { $0 == candidate } }
    }
    return texts.compactMap { what, text in
      tokenizer.encode(text).dropped.map {
        "the \(what) is longer than \(tokenizer.maximumLength - 2) tokens, dropped: \"\($0)\""
      }
    }
  }

  /// The file of a picture; numbers have as many digits as the last one.
  func path(at index: Int) -> String {
    switch output {
    case .sheet(let path): return path
    case .files(let path):
      guard requests.count > 1 else { return path }
      let digits = String(index + 1)
      let zeros = String(repeating: "0", count: String(requests.count).count - digits.count)
      let (stem, ending) = Self.split(path)
      return "\(stem)-\(zeros)\(digits)\(ending)"
    }
  }

  /// A path before and from the dot of its ending.
  private static func split(_ path: String) -> (Substring, Substring) {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else {
      return (path[...], "")
    }
    return (path[..<dot], path[dot...])
  }
}

extension GenerationRequest {
  /// The keyword under which other tools look for how a picture was made.
  static let noteKeyword = "parameters"

  /// How the picture was made, in the form that AUTOMATIC1111's web interface started and other
  /// tools read.
  func note(model: String) -> (keyword: String, value: String) {
    var lines = [prompt]
    if !negativePrompt.isEmpty { lines.append("Negative prompt: \(negativePrompt)") }
    var facts = ["Steps: \(steps)"]
    if let scheduler { facts.append("Sampler: \(scheduler.rawValue)") }
    facts += ["CFG scale: \(guidanceScale)", "Seed: \(seed)"]
    if let width, let height { facts.append("Size: \(width)x\(height)") }
    facts.append("Model: \(model)")
    return (Self.noteKeyword, (lines + [facts.joined(separator: ", ")]).joined(separator: "\n"))
  }
}
