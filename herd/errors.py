"""Every error a person can meet, each with a stable exit code.

The tree, with exit codes; a subclass keeps its parent's code unless another is shown:

    HerdError                    1
      BadUsage                   2   what was typed or configured cannot be understood
        RegistryError                a registry that does not read, with file and line
        ConfigError                  config.toml or HERD_* that does not read
      UnknownModel               3   no registry and no manifest has this name
        NotInstalled                 known, but not in the store
      NoSourceDelivered          4   every source of a file failed
        SourceFailed                 one source failed; the next one may deliver
          SourceRefused              it failed for good: do not ask it again
      DigestMismatch             5   the bytes are not the ones that were promised
        SignatureRefused             a registry is not signed by whom it was added from
      NoRoom                     6   the disk is too small
      CannotWrite                6   the place is read-only or not ours
      LicenceNotAccepted         7
      EngineFailed               8   the model could not be loaded or run
        CannotRun                    this build of herd has no way to run this format
          LegacyError                an old ggml file that herd does not convert
            LegacyRefused            it is sound, but of a kind that herd does not know
            LegacyDamaged            its bytes are not those of a whole model
        Unanswerable                 what was asked, not the model, is why there is no answer
        EngineCrashed                the child process died
      Busy                       9   another herd holds what is needed
      HistoryUnreadable          1   the conversations that were kept do not read
      Interrupted              130   Ctrl-C; what was staged is kept

A message is one sentence that says what happened, with the name the person used.
A hint is one sentence that says what to do next.
"""

from __future__ import annotations


class HerdError(Exception):
    """Something a person can be told in one sentence."""

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadUsage(HerdError):
    """What was typed or configured cannot be understood."""

    exit_code = 2


class RegistryError(BadUsage):
    """A registry does not read; the message starts with `file:line:`."""


class ConfigError(BadUsage):
    """The configuration does not read."""


class UnknownModel(HerdError):
    """No registry and no manifest has this name."""

    exit_code = 3


class NotInstalled(UnknownModel):
    """The model is known, but is not in the store."""


class NoSourceDelivered(HerdError):
    """Every source of a file failed; what was staged is kept."""

    exit_code = 4


class SourceFailed(NoSourceDelivered):
    """One source failed; what it delivered so far is kept and another may go on."""


class SourceRefused(SourceFailed):
    """A source, or every one of a file, failed in a way that asking again will not mend."""


class DigestMismatch(HerdError):
    """The bytes are not the ones that were promised; nothing was installed."""

    exit_code = 5


class SignatureRefused(DigestMismatch):
    """A registry is not what its makers signed; nothing of it is used."""


class NoRoom(HerdError):
    """The disk is too small; what was staged is kept."""

    exit_code = 6


class CannotWrite(HerdError):
    """The place is read-only or belongs to somebody else."""

    exit_code = 6


class LicenceNotAccepted(HerdError):
    """The licence asks for acceptance and was not accepted; nothing was fetched."""

    exit_code = 7


class EngineFailed(HerdError):
    """The model could not be loaded or run; the conversation is untouched."""

    exit_code = 8


class CannotRun(EngineFailed):
    """This build of herd has no way to run the format of this model."""


class LegacyError(CannotRun):
    """An old ggml file that herd does not convert; nothing was written."""


class LegacyRefused(LegacyError):
    """An old ggml file of another model, another program or an unknown version."""


class LegacyDamaged(LegacyError):
    """An old ggml file whose bytes are not those of a whole model."""


class Unanswerable(EngineFailed):
    """What was asked is why there is no answer: too long, empty, a schema without a grammar."""


class EngineCrashed(EngineFailed):
    """The process that runs models died; the next request starts a new one."""


class Busy(HerdError):
    """Another herd holds what is needed."""

    exit_code = 9


class HistoryUnreadable(HerdError):
    """The conversations that were kept do not read; nothing was changed."""


class Interrupted(HerdError):
    """The person stopped it; what was staged is kept and used by the next try."""

    exit_code = 130
