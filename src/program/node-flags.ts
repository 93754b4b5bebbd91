// How Node is started for what a process of this program is: its own defaults keep a hundred megabytes that nobody needs.

/** A controller holds many objects for long: old garbage is looked for early, when the heap has grown by a fifth, by one helper and
 *  not four; young garbage has room. Also in the chart. */
export const operatorFlags: readonly string[] = [
  '--max-semi-space-size=4',
  '--optimize-for-size',
  '--heap-growing-percent=20',
  '--v8-pool-size=1',
]

/** A worker makes little garbage and is over soon: what makes it small is a small young generation, at no cost of time. */
export const workerFlags: readonly string[] = ['--max-semi-space-size=1']
