/** A reporter that ends a run with a plain summary line for log readers: `N passed, N failed`. */
import type { Reporter, TestModule } from 'vitest/node';

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      // A file that cannot be loaded has no tests that could fail, so the file itself counts as a failure.
      if (!module.ok() && [...module.children.allTests('failed')].length === 0) count.failed += 1;
      for (const test of module.children.allTests()) count[test.result().state] += 1;
    }
    // The line follows the summary of the default reporter.
    setImmediate(() =>
      console.log(
        `${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ''}`,
      ),
    );
  }
}
