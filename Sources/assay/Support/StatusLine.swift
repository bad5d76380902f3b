/// One line on the terminal that says what is going on; nothing where there is no terminal.
struct StatusLine {
  /// Whether nothing is shown.
  let isQuiet: Bool

  /// Replaces the line.
  func show(_ text: String) {
    guard !isQuiet, Console.showsProgress else { return }
    Console.draw("\r\u{1B}[K\(text.escapingControls) …")
  }

  /// Removes the line.
  func clear() {
    guard !isQuiet, Console.showsProgress else { return }
    Console.draw("\r\u{1B}[K")
  }
}
