"""A small shop, the same for each package."""

from __future__ import annotations

from django.db import models


class Brand(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Category(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    title = models.CharField(max_length=50)
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="products", null=True)
    category = models.ForeignKey(Category, models.SET_NULL, related_name="products", null=True)
    tags = models.ManyToManyField(Tag, related_name="products")
    is_hidden = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.title


class Review(models.Model):
    product = models.ForeignKey(Product, models.CASCADE, related_name="reviews")
    text = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.text
