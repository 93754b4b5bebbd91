// How Node is started for what a process of this program is: its own defaults keep a hundred megabytes that nobody needs.

/** A controller holds many objects for long: old garbage is looked for early, young garbage has room. Also in the chart. */
export const operatorFlags: readonly string[] = ['--max-semi-space-size=4', '--optimize-for-size']

/** A worker makes little garbage and is over soon: what makes it small is a small young generation, at no cost of time. */
export const workerFlags: readonly string[] = ['--max-semi-space-size=1']
