internal import Generation
internal import Schedulers
internal import TensorCore

extension PictureSeries {
  /// One line a file.
  func text(_ items: [Item]) -> String {
    guard case .sheet(let path) = output else { return items.map { $0.line + "\n" }.joined() }
    let rows = (items.count + columns - 1) / columns
    let seconds = items.reduce(0) { $0 + $1.seconds }
    return "\(path.escapingControls): \(columns) x \(rows) pictures of \(items[0].size), "
      + "\(Format.seconds(seconds))\n"
  }

  /// Every picture for machines, in the order of a sheet's places.
  func json(_ items: [Item], model: String) -> JSON {
    var object: JSONObject = ["model": .string(model)]
    if case .sheet(let path) = output {
      object["sheet"] = ["path": .string(path), "columns": .integer(columns)]
    }
    object["pictures"] = .array(items.map(\.json))
    return .object(object)
  }
}

extension PictureSeries.Item {
  fileprivate var size: String { "\(request.width ?? 0) x \(request.height ?? 0)" }

  fileprivate var line: String {
    let prompt = request.prompt
    let short = prompt.count <= 60 ? prompt : prompt.prefix(57) + "..."
    return "\(path): \(size), seed \(request.seed), \"\(short)\", ".escapingControls
      + Format.seconds(seconds)
  }

  fileprivate var json: JSON {
    [
      "path": .string(path), "prompt": .string(request.prompt),
      "negative_prompt": .string(request.negativePrompt),
      // A seed above 2^63 fits no JSON integer of ours.
      "seed": Int(exactly: request.seed).map(JSON.integer) ?? .string(String(request.seed)),
      "steps": .integer(request.steps), "guidance_scale": .number(Double(request.guidanceScale)),
      "width": request.width.map(JSON.integer) ?? .null,
      "height": request.height.map(JSON.integer) ?? .null,
      "scheduler": request.scheduler.map { .string($0.rawValue) } ?? .null,
      "seconds": .number(seconds),
    ]
  }
}
