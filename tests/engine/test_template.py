"""Chat templates: what real ones need works, and what hostile ones try does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import datetime

import pytest

from herd.chat import Role, Turn
from herd.engine.load_failures import why_it_died
from herd.engine.template import Special, Template, TemplateFailed, joined, plain, warm_up
from tests.engine.asking import model_said, user
from tests.tools.tiny_gguf import CHATML

SPECIAL = Special(bos="<s>", eos="</s>")
SYSTEM = Turn(Role.SYSTEM, "Be brief.")
LOOP = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"


def rendered(source: str, *turns: Turn) -> str:
    return Template(source, SPECIAL).render(turns or [user("hum?")])


def test_turns_become_a_prompt_that_ends_where_the_answer_begins() -> None:
    assert rendered(CHATML, SYSTEM, user("hum?"), model_said("yes"), user("why?")) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhum?<|im_end|>\n"
        "<|im_start|>assistant\nyes<|im_end|>\n<|im_start|>user\nwhy?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_what_is_compiled_to_warm_up_is_a_template_that_works() -> None:
    warm_up()


def test_special_tokens_have_their_texts() -> None:
    source = "{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}"

    assert rendered(source) == "<s>hum?</s>"


def test_blocks_leave_no_lines_of_their_own() -> None:
    assert rendered(
        "{% if true %}\n  {% set x = 1 %}\n{{ messages[0].content }}\n{% endif %}\n"
    ) == ("hum?\n")


def test_what_templates_of_real_models_use_is_there() -> None:
    source = (
        "{% generation %}{% for m in messages %}{% if loop.index > 1 %}{% break %}{% endif %}"
        "{{ {'a': 'ü<'} | tojson }}{{ m.content.strip() }}{% endfor %}{% endgeneration %}"
        "{{ '-' * 3 }}{{ strftime_now('%Y') }}"
    )

    assert rendered(source) == f'{{"a": "ü<"}}hum?---{datetime.now():%Y}'


def test_a_template_that_knows_no_system_gets_it_with_the_first_question() -> None:
    refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('No system') }}{% endif %}"
    ignores = (
        "{% for m in messages if m.role != 'system' %}[{{ m.role }}] {{ m.content }}{% endfor %}"
    )

    assert rendered(refuses + LOOP, SYSTEM, user("hum?")) == "<s>[user] Be brief.\n\nhum?"
    assert rendered(ignores, SYSTEM, user("hum?")) == "[user] Be brief.\n\nhum?"
    assert rendered(refuses + LOOP, SYSTEM) == "<s>[user] Be brief."


def test_neighbours_of_one_role_are_joined_and_empty_turns_left_out() -> None:
    turns = [user("one"), model_said(" "), user("two"), model_said("yes"), user("three")]

    assert [turn.text for turn in joined(turns)] == ["one\n\ntwo", "yes", "three"]


def test_what_a_template_refuses_is_told_in_its_own_words() -> None:
    alternate = "{% if messages|length > 1 %}{{ raise_exception('Only\none!') }}{% endif %}"

    with pytest.raises(TemplateFailed, match=r"^Only one!$"):
        rendered(alternate + LOOP, user("a"), model_said("b"), user("c"))


def test_plain_text_is_what_was_said() -> None:
    assert plain([user("Once upon"), model_said(""), user("a time")]) == "Once upon\n\na time"


@pytest.mark.parametrize(
    "source",
    [
        "{% for %}",
        "{{ messages.nothing.at_all }}",
        "{{ 1 / 0 }}",
        "{{ messages[0] + 1 }}",
        "no question in it",
        "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% include 'secrets' %}",
        "x" * 2_000_000,
    ],
)
def test_a_template_that_does_not_work_is_refused_when_it_is_made(source: str) -> None:
    with pytest.raises(TemplateFailed):
        Template(source, SPECIAL)


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append({}) }}",
        "{{ raise_exception.__globals__.json }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ self._TemplateReference__context }}{{ lipsum.__globals__['os'] }}",
        "{{ '{0.__class__.__mro__}'.format(1).upper().__class__.__base__ }}{{ x.y.z }}",
    ],
)
def test_a_template_does_not_leave_its_sandbox(source: str) -> None:
    with pytest.raises(TemplateFailed):
        rendered(source + LOOP)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 10 ** 9 }}",
        "{{ 10 ** 10 ** 9 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(9999) %}{% for b in range(9999) %}aaaaaaaa{% endfor %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x=n.x~n.x %}{% endfor %}",
        "{% set n = namespace(x=9) %}{% for i in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{{ 'a'.ljust(9999999999) }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '{:>9999999999}'.format(1) }}",
        "{{ strftime_now('%999999999d') }}",
    ],
)
def test_a_template_that_goes_too_far_is_stopped(source: str) -> None:
    began = time.monotonic()

    with pytest.raises(TemplateFailed):
        rendered(source + LOOP)

    assert time.monotonic() - began < 4


def test_a_template_that_hangs_in_one_call_of_c_ends_its_process() -> None:
    grow = "{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}"
    hangs = (
        "{% set n = namespace(a=[1], b=[1]) %}"
        f"{{% for i in range(60) %}}{grow}{{% endfor %}}{{{{ n.a == n.b }}}}"
    )
    program = (
        "import sys; from herd.engine import template; from herd.engine.limits import limited; "
        "template.limited = lambda: limited(seconds=0.2); "
        "template.Template(sys.argv[1], template.Special())"
    )

    done = subprocess.run([sys.executable, "-c", program, hangs], timeout=120, check=False)

    assert done.returncode == -signal.SIGVTALRM
    assert "does not come to an end" in why_it_died(done.returncode, loading=True, said="")
