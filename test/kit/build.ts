// Threads and child processes run the built program, so each test run builds it first (a second or two), and makes the
// template of the clusters that the tests start.
import { execFileSync } from 'node:child_process'
import { makeServerPrograms } from './server-programs.js'

export async function setup(): Promise<() => void> {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })
  return makeServerPrograms()
}
