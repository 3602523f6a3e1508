"""A dataset repository on the hub as the place of publication.

Large files are uploaded first, each by itself; those the hub already has are not sent again, so a
run that was cut off goes on. One commit on top of the head that was looked at then shows all of
them at once: nobody sees half a publication. Content that has not changed makes no commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from cauldron.errors import HubError, UsageError
from cauldron.publish.entries import MANIFEST, Entry, stale
from cauldron.publish.place import Progress
from cauldron.storage.retry import TRIES, passing, retried, status_of, wait_before

T = TypeVar("T")
_THREADS = 4


class Hub:
    """A dataset repository.

    Args:
        repo: `owner/name`.
        private: whether it is made private, where it is new.
        branch: branch to commit to; it is made where it is missing.
        pull_request: propose the commit instead of making it.
    """

    def __init__(
        self, repo: str, *, private: bool = False, branch: str = "main", pull_request: bool = False
    ) -> None:
        try:
            import huggingface_hub
            from huggingface_hub.utils.tqdm import disable_progress_bars
        except ImportError as error:
            raise UsageError(
                f"publishing to the hub needs huggingface_hub: {error}",
                hint="pip install 'cauldron[hub]'",
            ) from error
        disable_progress_bars()
        self._hub = huggingface_hub
        self._api = huggingface_hub.HfApi(library_name="cauldron")
        self.repo, self._private, self._branch = repo, private, branch
        self._pull_request = pull_request

    def publish(self, entries: Sequence[Entry], message: str, progress: Progress) -> dict[str, Any]:
        """Bring the repository to these files in one commit, or none when it has them.

        Raises:
            HubError: if the hub refuses, or does not answer after several tries.
            UsageError: if the repository holds something else.
        """
        self._prepare()
        uploaded: set[str] = set()
        for left in range(TRIES, 0, -1):
            head, held = self._held()
            self._require_own(held)
            new = [entry for entry in entries if not _holds(held, entry)]
            gone = stale(held, entries)
            if not new and not gone:
                return self._result(head, uploaded, 0)
            adds = [self._addition(entry) for entry in new]
            self._upload(adds, progress)
            uploaded |= {entry.path for entry in new}
            deletes = [self._hub.CommitOperationDelete(path_in_repo=path) for path in gone]
            try:
                made = self._commit([*adds, *deletes], message, head)
            except Exception as error:
                if left == 1 or not (passing(error) or status_of(error) == 400):
                    raise self._refused("commit", error) from error
                wait_before(error, TRIES - left)
                continue  # the commit may have been made all the same: look again
            if self._pull_request:
                return {**self._result(made.oid, uploaded, len(gone)), "pull_request": made.pr_url}
            self._check(entries, made.oid)
            return self._result(made.oid, uploaded, len(gone))
        raise AssertionError  # pragma: no cover

    def _result(self, commit: str, uploaded: set[str], removed: int) -> dict[str, Any]:
        place = f"{self._api.endpoint}/datasets/{self.repo}"
        changed = bool(uploaded or removed)
        numbers = {"uploaded": len(uploaded), "removed": removed}
        return {"place": place, "commit": commit, "changed": changed, **numbers}

    def _prepare(self) -> None:
        def create() -> None:
            self._api.create_repo(
                self.repo, repo_type="dataset", private=self._private or None, exist_ok=True
            )

        self._tried("create the repository", create)
        if self._branch != "main":
            self._tried(
                "create the branch",
                lambda: self._api.create_branch(
                    self.repo, branch=self._branch, repo_type="dataset", exist_ok=True
                ),
            )

    def _held(self) -> tuple[str, dict[str, Any]]:
        """Return the head of the branch and its files."""

        def look() -> tuple[str, dict[str, Any]]:
            head = self._api.dataset_info(self.repo, revision=self._branch).sha or ""
            tree = self._api.list_repo_tree(
                self.repo, recursive=True, revision=head, repo_type="dataset"
            )
            return head, {f.path: f for f in tree if isinstance(f, self._hub.hf_api.RepoFile)}

        return self._tried("list the repository", look)

    def _require_own(self, held: dict[str, Any]) -> None:
        others = set(held) - {".gitattributes", "README.md"}
        if others and MANIFEST not in held:
            raise UsageError(
                f"the repository holds other files ({min(others)}) and no manifest of ours",
                place=self.repo,
                hint="name a new repository, or --branch",
            )

    def _addition(self, entry: Entry) -> Any:
        return self._tried(
            f"read {entry.path}",
            lambda: self._hub.CommitOperationAdd(
                path_in_repo=entry.path, path_or_fileobj=entry.url or entry.content
            ),
        )

    def _upload(self, additions: Sequence[Any], progress: Progress) -> None:
        def send(addition: Any) -> None:
            self._tried(
                f"upload {addition.path_in_repo}",
                lambda: self._api.preupload_lfs_files(
                    self.repo,
                    [addition],
                    repo_type="dataset",
                    revision=self._branch,
                    create_pr=self._pull_request,
                    free_memory=False,
                ),
            )

        with ThreadPoolExecutor(_THREADS) as pool:
            for number, _ in enumerate(pool.map(send, additions), start=1):
                progress("upload", number, len(additions))

    def _commit(self, operations: list[Any], message: str, head: str) -> Any:
        return self._api.create_commit(
            self.repo,
            operations,
            commit_message=message,
            repo_type="dataset",
            revision=self._branch,
            parent_commit=head,
            create_pr=self._pull_request,
        )

    def _check(self, entries: Sequence[Entry], commit: str) -> None:
        """Check that the commit holds what was meant.

        Raises:
            HubError: if a file is missing or another.
        """

        def look() -> dict[str, Any]:
            tree = self._api.list_repo_tree(
                self.repo, recursive=True, revision=commit, repo_type="dataset"
            )
            return {file.path: file for file in tree}

        held = self._tried("look at the commit", look)
        wrong = [entry.path for entry in entries if not _holds(held, entry)]
        if wrong:
            raise HubError(
                f"{len(wrong)} files are not what was sent, the first: {wrong[0]}",
                place=self.repo,
                hint="publish again",
            )

    def _tried(self, doing: str, call: Callable[[], T]) -> T:
        try:
            return retried(call)
        except Exception as error:
            raise self._refused(doing, error) from error

    def _refused(self, doing: str, error: Exception) -> Exception:
        """Return what to tell the user; the token stands in no message."""
        status = status_of(error)
        said = getattr(error, "server_message", None) or str(error) or type(error).__name__
        first = said.strip().splitlines()[0][:300]
        token = self._hub.get_token()
        if token:
            first = first.replace(token, "***")
        hint = (
            "hf auth login, or set HF_TOKEN" if status in (401, 403) else "the same command goes on"
        )
        code = f"{status} " if status else ""
        return HubError(f"cannot {doing}: {code}{first}", place=self.repo, hint=hint)


def _holds(held: dict[str, Any], entry: Entry) -> bool:
    """Say whether a repository has a file with this content."""
    found = held.get(entry.path)
    if found is None or found.size != entry.size_bytes:
        return False
    if found.lfs:
        return bool(found.lfs.sha256 == entry.sha256)
    return bool(found.blob_id == entry.git_sha1)
