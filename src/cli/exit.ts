// Exit codes of every command; docs/cli.md lists them.

/** All is well, help and --version included; for what runs until it is stopped (serve, demo, top, replay --loop), Ctrl-C as well. */
export const EXIT_OK = 0;
/** Something failed that no other code names. */
export const EXIT_FAILURE = 1;
/** The command line is wrong: an unknown option, a value out of range, a file whose columns cannot be told. */
export const EXIT_USAGE = 2;
/** No server at the address given, or it stopped answering. */
export const EXIT_UNREACHABLE = 3;
/** A replay went through, but lines were broken or fixes were rejected. */
export const EXIT_REJECTED = 4;
/** Stopped by Ctrl-C before it was done, as shells have it (128 + SIGINT). */
export const EXIT_INTERRUPTED = 130;

/** Ends a command with a message for people and an exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}
