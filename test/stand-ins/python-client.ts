// The real Python client of the Hub, for every test that holds us against it.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder of a Python with huggingface_hub, made on first use; or why there is none. */
export function findPython(): { readonly bin: string } | { readonly why: string } {
  const venv = join(homedir(), '.cache/switchyard/hf-venv')
  const bin = join(venv, 'bin')
  if (existsSync(join(bin, 'hf'))) return { bin }
  if (spawnSync('python3', ['--version']).status !== 0) return { why: 'python3 is not installed' }
  if (spawnSync('python3', ['-m', 'venv', venv]).status !== 0)
    return { why: 'python3 -m venv does not work here' }
  const install = spawnSync(join(bin, 'pip'), ['install', '-q', 'huggingface_hub'], { timeout: 300_000 })
  return install.status === 0 ? { bin } : { why: 'huggingface_hub cannot be installed from PyPI' }
}
