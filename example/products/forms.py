from django import forms

from .fetching import ImageRefused, target_of
from .models import Category, Product
from .tasks import limits


class ProductForm(forms.ModelForm):
    """What is sent to add a product. The address of the picture is looked at, and not yet asked for."""

    category = forms.ChoiceField(choices=Category, required=False, initial=Category.OTHER)
    image_url = forms.URLField(label="Address of its picture", max_length=2000, assume_scheme="https")

    class Meta:
        model = Product
        fields = ["title", "image_url", "category"]

    def clean_image_url(self) -> str:
        url: str = self.cleaned_data["image_url"]
        try:
            target_of(url, limits())
        except ImageRefused as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return url

    def clean_category(self) -> str:
        return self.cleaned_data["category"] or Category.OTHER
