import Foundation
import Schedulers
import TensorCore
import Testing

/// The timesteps of every number of steps, and the numbers with which diffusers fails.
@Suite struct TimestepTests {
  static let recorded: JSON = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/schedulers/timesteps.json").standardized
    do { return try JSON(parsing: Array(Data(contentsOf: file))) } catch {
      preconditionFailure("the fixture cannot be read: \(error)")
    }
  }()

  static let grid = recorded["grid"]?.arrayValue ?? []

  @Test func everySpacingIsThere() { #expect(Self.grid.count == 16) }

  @Test(arguments: grid.indices)
  func timestepsAreThoseOfDiffusers(index: Int) throws {
    let entry = Self.grid[index]
    let kind = try #require(SchedulerKind(rawValue: entry["class"]?.stringValue ?? ""))
    let configuration = try #require(entry["config"]?.objectValue)
    let failing = entry["failing"]?.arrayValue?.compactMap(\.intValue) ?? []
    let tried = Self.recorded["tried"]?.arrayValue?.compactMap(\.intValue) ?? []
    let digests = Array(try #require(entry["digests"]?.stringValue))
    for steps in 1...1000 {
      guard
        let scheduler = try? kind.makeScheduler(steps: steps, configuration: configuration)
      else {
        #expect(failing.contains(steps), "\(steps) steps are refused")
        continue
      }
      #expect(!failing.contains(steps), "diffusers fails at \(steps) steps")
      let bits = scheduler.timesteps.map(\.bitPattern.littleEndian)
      let digest = SHA256.hexDigest(of: bits.span.bytes).prefix(4)
      #expect(
        digest == String(digests[4 * (steps - 1)..<4 * steps]), "\(kind) \(steps) \(configuration)")
    }
    #expect(tried.count > 60)
  }

  @Test(arguments: [
    (
      SchedulerKind.ddim,
      "'steps' is 1000, expected a number that stays within the schedule: "
        + "timestep 1000 is beyond 999"
    ),
    (
      .pndm,
      "'steps' is 1000, expected a number that stays within the schedule: "
        + "timestep 1000 is beyond 999"
    ),
  ])
  func aTimestepBeyondTheScheduleIsRefused(kind: SchedulerKind, problem: String) {
    let error = #expect(throws: SchedulerError.self) {
      try kind.makeScheduler(
        steps: 1000, configuration: ["steps_offset": 1, "skip_prk_steps": true])
    }
    #expect(error?.description == "scheduler: \(problem)")
  }

  @Test func listedBetasBoundTheSchedule() {
    let error = #expect(throws: SchedulerError.self) {
      try SchedulerKind.ddim.makeScheduler(steps: 10, configuration: ["trained_betas": [0.1, 0.2]])
    }
    #expect(
      error?.description == "scheduler: 'steps' is 10, expected a number that stays within the "
        + "schedule: timestep 900 is beyond 1")
  }

  @Test(arguments: [0, -1, 1001, Int.max])
  func stepsOutsideTheTrainingAreRefused(steps: Int) {
    let error = #expect(throws: SchedulerError.self) {
      try SchedulerKind.euler.makeScheduler(steps: steps, configuration: [:])
    }
    #expect(error?.description == "scheduler: 'steps' is \(steps), expected 1 to 1000")
  }
}
