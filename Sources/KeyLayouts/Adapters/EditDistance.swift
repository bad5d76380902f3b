/// How many letters must be put in, left out or exchanged to make one name of another (Levenshtein).
enum EditDistance {
  /// The distance, or `nil` when it exceeds `limit`.
  static func between(_ one: [UInt8], _ other: [UInt8], limit: Int) -> Int? {
    guard abs(one.count - other.count) <= limit else { return nil }
    var row = Array(0...other.count)
    for (line, letter) in one.enumerated() {
      var diagonal = row[0]
      row[0] = line + 1
      var least = row[0]
      for column in other.indices {
        let exchange = diagonal + (letter == other[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(exchange, row[column] + 1, diagonal + 1)
        least = min(least, row[column + 1])
      }
      if least > limit { return nil }
    }
    return row[other.count] <= limit ? row[other.count] : nil
  }
}
