// Prints `N passed, N failed, N skipped` from vitest's JSON report; a run that ended badly never says 0 failed.
const { existsSync, readFileSync } = require('node:fs')

const [path, code] = process.argv.slice(2)
const report = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { testResults: [] }
const tests = report.testResults.flatMap(file => file.assertionResults)
const count = (...states) => tests.filter(test => states.includes(test.status)).length
/** A file that fails to load has no tests to count. */
const broken = report.testResults.filter(
  file => file.status === 'failed' && file.assertionResults.every(test => test.status !== 'failed'),
).length
const passed = count('passed')
const failed = count('failed') + broken
const skipped = tests.length - passed - count('failed')
process.stdout.write(
  `${passed} passed, ${failed === 0 && code !== '0' ? 1 : failed} failed, ${skipped} skipped\n`,
)
